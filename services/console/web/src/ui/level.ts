// Figures of one level that follow from others.
import type { Level } from '../gen/hansa/inventory/v1/staff_pb';

/** What is there and nobody has. */
export const free = (level: Level) => (level.onHand?.value ?? 0n) - (level.reserved?.value ?? 0n);
