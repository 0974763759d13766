import type { Document, Workload } from '../../../workloads/workload.js';
import type { DocumentContext } from '../../worker/document-context.js';
import { ownDocuments } from '../../worker/own-document.js';
import { type Content, readReference } from '../../worker/read-reference.js';
import { documentOf, type StageInput } from './served.js';

/** A document that the first stage gets, or the reason why it cannot be read. */
export type ReadInput = { readonly document: Document } | { readonly cause: unknown };

/** Reads documents for the first stage. Never throws and never rejects. */
export function inputReader({
  views = 'copy',
  resolve,
}: Pick<Workload, 'views' | 'resolve'>): (
  input: StageInput,
  context: DocumentContext,
) => ReadInput | Promise<ReadInput> {
  const ownDocument = ownDocuments(views, false);
  const isShared = () => false;
  return (input, context) => {
    const document = documentOf(input);
    if (document.by === undefined) return { document: ownDocument(document) };
    const { index, id } = document;
    const asRead = ({ bytes, read }: Content): ReadInput => {
      context.read(read);
      return { document: { index, id, size: bytes.length, bytes } };
    };
    try {
      const content = readReference(document, context, { resolve, isShared });
      return content instanceof Promise
        ? content.then(asRead, (cause: unknown) => ({ cause }))
        : asRead(content);
    } catch (cause) {
      return { cause };
    }
  };
}
