import { gunzipSync, gzipSync } from "node:zlib";

/** Files of a chart by path relative to the chart's own folder, with `/` between folders. */
export type ChartFiles = ReadonlyMap<string, Buffer>;

/** A chart archive that is truncated, damaged, or not an archive at all. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

const BLOCK = 512;

/**
 * The regular files of a gzip-compressed tar archive as Helm packs charts: everything lies in one
 * folder, whose name is dropped.
 *
 * @throws ArchiveError when the archive is damaged or cut short; gzip's checksum covers every byte.
 */
export function readArchive(archive: Buffer): ChartFiles {
  const tar = decompress(archive);
  const files = new Map<string, Buffer>();
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const header = tar.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    checkHeader(header);
    const size = octal(header, 124, 12);
    const content = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length < size) throw new ArchiveError("the archive ends in the middle of a file");
    const type = text(header, 156, 1);
    if (type === "x") longName = paxPath(content);
    else if (type === "L") longName = text(content, 0, size);
    else {
      const name = longName ?? nameOf(header);
      longName = undefined;
      if (type === "0" || type === "") files.set(withoutTopFolder(name), Buffer.from(content));
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  if (files.size === 0) throw new ArchiveError("the archive holds no file");
  return files;
}

/** Packs files into an archive as Helm reads it; the same files always give the same bytes. */
export function writeArchive(folder: string, files: ChartFiles): Buffer {
  const blocks: Buffer[] = [];
  for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = `${folder}/${path}`;
    if (Buffer.byteLength(name) > 100) {
      const record = paxRecord("path", name);
      blocks.push(headerOf("pax", record.length, "x"), padded(record));
    }
    blocks.push(headerOf(name, content.length, "0"), padded(content));
  }
  blocks.push(Buffer.alloc(2 * BLOCK));
  return gzipSync(Buffer.concat(blocks));
}

function decompress(archive: Buffer): Buffer {
  try {
    return gunzipSync(archive);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR" ? "cut short" : "damaged";
    throw new ArchiveError(`the archive is ${reason} (${(error as Error).message})`);
  }
}

function checkHeader(header: Buffer): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (sum !== octal(header, 148, 8)) throw new ArchiveError("the archive is damaged (wrong header checksum)");
}

function text(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString("utf8");
}

function octal(block: Buffer, start: number, length: number): number {
  return Number.parseInt(text(block, start, length).trim() || "0", 8);
}

function nameOf(header: Buffer): string {
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  return prefix === "" ? name : `${prefix}/${name}`;
}

function withoutTopFolder(name: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new ArchiveError(`the archive holds a path that leaves it: ${name}`);
  return parts.slice(1).join("/");
}

/** A pax record is `<length of the record> <key>=<value>\n`. */
function paxPath(content: Buffer): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(content.toString("utf8"))?.[1];
}

function paxRecord(key: string, value: string): Buffer {
  const body = Buffer.byteLength(` ${key}=${value}\n`);
  let length = body + String(body).length;
  if (String(length).length > String(body).length) length += 1;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function padded(content: Buffer): Buffer {
  const rest = content.length % BLOCK;
  return rest === 0 ? content : Buffer.concat([content, Buffer.alloc(BLOCK - rest)]);
}

function headerOf(name: string, size: number, type: "0" | "x"): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(Buffer.from(name).subarray(0, 100).toString("latin1"), 0, "latin1");
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write(" ".repeat(8), 148);
  header.write(type, 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
