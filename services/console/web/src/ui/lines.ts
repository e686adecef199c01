// Lines of a document, and ids that are made here.
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import type { Line } from '../gen/hansa/documents/v1/types_pb';

/** What it is about. */
export const linesOf = (one: Document): Line[] => {
  const found = Object.values(one.contents).find((content) => content.body.case === 'lines');
  return found?.body.case === 'lines' ? found.body.value.lines : [];
};

/** Version 7: by time, so that rows that come later lie later. */
export function uuid7(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = BigInt(Date.now());
  for (let place = 0; place < 6; place += 1) bytes[place] = Number((now >> BigInt(8 * (5 - place))) & 0xffn);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}
