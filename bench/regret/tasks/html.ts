import { type DefaultTreeAdapterMap, parse } from 'parse5';
import type { Document } from '../../../workloads/workload.js';

type Node = DefaultTreeAdapterMap['node'];

/** Parses a page and collects its links and the length of its text: recursion over many small objects. */
export default function html({ bytes }: Document): { links: number; characters: number; depth: number } {
  let links = 0;
  let characters = 0;
  const visit = (node: Node): number => {
    if (node.nodeName === 'a') links++;
    if ('value' in node) characters += node.value.length;
    if (!('childNodes' in node)) return 0;
    return 1 + node.childNodes.reduce((deepest, child) => Math.max(deepest, visit(child)), 0);
  };
  const depth = visit(parse(new TextDecoder().decode(bytes)));
  return { links, characters, depth };
}
