/**
 * A tar archive in USTAR form (POSIX.1-1988) of regular files: what a container layer is, and the reading of one.
 * Own code, because a layer's bytes must be the same on every system and for every run, and this part of the format is
 * one header of 512 bytes.
 */

export interface TarFile {
  /** Without a leading slash, at most 100 bytes. */
  readonly path: string;
  readonly content: string;
  /** Permission bits; left out: 0o644. */
  readonly mode?: number;
}

const BLOCK = 512;

/** @param mtimeEpochSeconds the time of change every file gets */
export function writeTar(files: readonly TarFile[], mtimeEpochSeconds: number): Buffer {
  const parts = files.flatMap((file) => {
    const content = Buffer.from(file.content);
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [header(file, content.length, mtimeEpochSeconds), content, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

/** The regular files of an archive, as path and content. */
export function readTar(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>();
  let offset = 0;
  while (offset + BLOCK <= archive.length && archive[offset] !== 0) {
    const path = textAt(archive, offset, 100);
    const size = Number.parseInt(textAt(archive, offset + 124, 12), 8);
    const type = textAt(archive, offset + 156, 1);
    const start = offset + BLOCK;
    if (type === '0' || type === '') files.set(path, archive.toString('utf8', start, start + size));
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function header({ path, mode = 0o644 }: TarFile, size: number, mtimeEpochSeconds: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new RangeError(`"${path}" is longer than the 100 bytes a tar header holds`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, length: number) =>
    block.write(value.toString(8).padStart(length - 1, '0'), offset);
  block.write(path, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(Math.max(0, Math.floor(mtimeEpochSeconds)), 136, 12);
  block.write('0', 156);
  block.write('ustar\0' + '00', 257);
  // The checksum counts its own field as spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function textAt(archive: Buffer, offset: number, length: number): string {
  return archive.toString('utf8', offset, offset + length).split('\0', 1)[0] ?? '';
}
