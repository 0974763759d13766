/**
 * `npm run lint:prose`: checks the language of comments, printed text and docs, and prints how much of it
 * there is.
 *
 * It refuses words that CONTRIBUTING lists as banned, comments that open with a fragment such as "Of each …",
 * names that were given up, lines of more than 110 columns, and object literals that spread another literal.
 * `--list` also prints every comment block that it counts as a fragment; paths limit it to files that begin
 * with them.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import nlp from 'compromise';

/** Words in the comments of the commit that began the move to plain English, counted by this script. */
const baselineWords = 35_270;
const minWordShare = 0.7;
const maxFragmentShare = 0.05;
const maxColumns = 110;

const bannedOpener = /^(?:Of|From|With|By|To|So (?:many|long|often)|Who|Whoever|Whom|Whose|Nobody|Those)\b/;
const fragmentOpener = /^(?:Of|With|From|As|By|Whether|So|What|Where|When)\b/;
const bannedWords = oneOf('i', [
  'who(?:ever|m|mever)?',
  'nobody',
  'those (?:that|which)',
  'stands?',
  'standing',
  'comes? to',
  'anew',
  'dear(?:er|est)?',
  'befalls?',
  'in (?:its|their) hands',
  '(?:is|are|was|be) told',
  'culprits?',
  'so (?:many|long|often)',
]);
/** Names that english.md's glossary replaced. */
const oldNames = oneOf('', [
  '[cC]rew',
  '[bB]ays?',
  '[dD]eal',
  '[wW]ards',
  '[uU]nguarded',
  '(?:most|least(?!Squares))[A-Z]\\w*',
  '\\w+Most(?:[A-Z]\\w*)?',
]);

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /\.(?:c?ts|mjs|md)$/.test(file) && !/^results\/(?!README)|^plots\/fonts/.test(file));
const list = process.argv.includes('--list');
const paths = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const problems = [];
const fragments = [];
let blocks = 0;
let words = 0;

for (const file of files.filter(
  (file) => paths.length === 0 || paths.some((path) => file.startsWith(path)),
)) {
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.md')) checkProse(file, text);
  else checkCode(file, text);
}

const share = fragments.length / blocks;
const wordShare = words / baselineWords;
if (share > maxFragmentShare) problems.push(`expected at most 5 % of comment blocks to open with a fragment`);
if (paths.length === 0 && wordShare < minWordShare)
  problems.push(`expected at least 70 % of the comment words of the baseline`);
for (const problem of list ? [...fragments, ...problems] : problems) console.log(problem);
console.log(
  `${blocks} comment blocks, ${fragments.length} open with a fragment (${percent(share)}); ` +
    `${words} words in comments, ${percent(wordShare)} of the baseline; ${problems.length} problems`,
);
process.exitCode = problems.length > 0 ? 1 : 0;

/** Checks Markdown outside code fences and generated parts. */
function checkProse(file, text) {
  const lines = text.split('\n');
  let fenced = false;
  let generated = false;
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('```')) fenced = !fenced;
    if (/^<!-- .*: npm run docs -->$/.test(line)) generated = true;
    if (/^<!-- \/.* -->$/.test(line)) generated = false;
    if (fenced || generated) continue;
    report(file, i + 1, bannedWords.exec(line.replace(/`[^`]*`/g, '')), 'says');
  }
}

function checkCode(file, text) {
  for (const [i, line] of text.split('\n').entries()) {
    if (line.length > maxColumns && !/https?:\/\//.test(line))
      problems.push(`${file}:${i + 1} has ${line.length} columns`);
    if (/\.\.\.\{/.test(line)) problems.push(`${file}:${i + 1} spreads an object literal inside another`);
  }
  const { comments, strings, code } = tokens(text);
  for (const { line, name } of namesIn(code)) problems.push(`${file}:${line} uses the name "${name}"`);
  for (const { line, text } of strings) report(file, line, bannedWords.exec(text), 'prints');
  for (const { line, text } of comments) {
    blocks++;
    words += text.split(/\s+/).filter((word) => /\w/.test(word)).length;
    report(file, line, bannedOpener.exec(text), 'has a comment that opens with');
    report(file, line, bannedWords.exec(text.replace(/`[^`]*`/g, '')), 'says');
    if (isFragment(text)) fragments.push(`${file}:${line} fragment: ${text.slice(0, 90)}`);
  }
}

function report(file, line, match, verb) {
  if (match !== null) problems.push(`${file}:${line} ${verb} "${match[0]}"`);
}

/** Makes an expression that matches one of the words. */
function oneOf(flags, words) {
  return new RegExp(`\\b(?:${words.join('|')})\\b`, flags);
}

/** A block is a fragment when its first word opens one, or when it has no verb at all. */
function isFragment(text) {
  const plain = text.replace(/`[^`]*`/g, 'it').trim();
  if (/^(?:@|biome-ignore)/.test(plain) || plain.length < 3) return false;
  return fragmentOpener.test(plain) || !nlp(plain).has('#Verb');
}

function* namesIn(code) {
  for (const [i, line] of code.split('\n').entries()) {
    const match = oldNames.exec(line);
    if (match !== null) yield { line: i + 1, name: match[0] };
  }
}

/**
 * Splits a file into comments, texts of strings, and code without both. Adjacent line comments are one block.
 */
function tokens(text) {
  const comments = [];
  const strings = [];
  let code = '';
  let line = 1;
  const kinds = [
    /\/\*[\s\S]*?\*\//,
    /\/\/[^\n]*/,
    /'(?:\\.|[^'\\\n])*'/,
    /"(?:\\.|[^"\\\n])*"/,
    /`(?:\\.|[^`\\])*`/,
    /(?<=[(,=:[!&|?{};\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/,
    /[^/'"`]+/,
    /./,
  ];
  const token = new RegExp(kinds.map(({ source }) => source).join('|'), 'g');
  for (const [whole] of text.matchAll(token)) {
    const lines = whole.split('\n').length - 1;
    if (whole.startsWith('/*')) {
      const inner = whole
        .replace(/^\/\*+|\*+\/$/g, '')
        .replace(/\n\s*\*? ?/g, ' ')
        .trim();
      comments.push({ line, end: line + lines, text: inner });
    } else if (whole.startsWith('//')) {
      const inner = whole.replace(/^\/+\s*/, '');
      const last = comments.at(-1);
      if (last?.lineComment && last.end === line - 1)
        Object.assign(last, { end: line, text: `${last.text} ${inner}` });
      else comments.push({ line, end: line, text: inner, lineComment: true });
    } else if (/^['"`]/.test(whole)) {
      if (/\s/.test(whole)) strings.push({ line, text: whole.slice(1, -1) });
    }
    code += /^(?:\/[*/]|['"`])/.test(whole) ? whole.replace(/[^\n]/g, ' ') : whole;
    line += lines;
  }
  return { comments, strings, code };
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}
