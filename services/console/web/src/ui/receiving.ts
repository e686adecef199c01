// Which act says what came in of a delivery.
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import type { Definition } from './kinds';

/** An act that is open to us and writes nothing but what came in, and the section that it writes. */
export function receiving(one: Document, kind?: Definition): { act: string; section: string } | undefined {
  for (const act of one.openActs) {
    const writes = kind?.acts[act]?.writes ?? [];
    const [section = ''] = writes;
    if (writes.length === 1 && kind?.sections[section]?.is === 'receipts' && !one.contents[section])
      return { act, section };
  }
  return undefined;
}
