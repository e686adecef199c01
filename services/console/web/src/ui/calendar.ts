// Civil months and days in UTC, in a row: a month in which nothing was is shown too.

function inRow(from: string, to: string, next: (at: Date) => void, digits: number): string[] {
  const row: string[] = [];
  for (const at = new Date(from); row.length < 366; next(at)) {
    const name = at.toISOString().slice(0, digits);
    if (name > to) break;
    row.push(name);
  }
  return row;
}

/** "2026-01" up to "2026-12". */
export const monthsIn = (from: string, to: string) => inRow(from, to, (at) => at.setUTCMonth(at.getUTCMonth() + 1), 7);

/** "2026-01-30" up to "2026-02-02". */
export const daysIn = (from: string, to: string) => inRow(from, to, (at) => at.setUTCDate(at.getUTCDate() + 1), 10);
