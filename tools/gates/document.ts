const START = "<!-- simulated: node tools/gates/simulate.ts --write -->\n";
const END = "<!-- end of simulated -->\n";

/** The text between the two markers of a document. */
export function readTables(document: string): string {
  return document.slice(positions(document).start, positions(document).end);
}

/** The document with other text between its markers. */
export function replaceTables(document: string, tables: string): string {
  const { start, end } = positions(document);
  return `${document.slice(0, start)}${tables}${document.slice(end)}`;
}

function positions(document: string): { start: number; end: number } {
  const start = document.indexOf(START);
  const end = document.indexOf(END);
  if (start >= 0 && end > start) return { start: start + START.length, end };
  throw new Error("the document has lost the markers around its simulated tables");
}
