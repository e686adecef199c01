// A list: a table at a desk, cards on a phone, and what one sees as a CSV file.
// Plain elements: a hundred rows of the library's own take half a second of a slow machine.
import { Button, Group, ScrollArea, Stack } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconDownload } from '@tabler/icons-react';
import { type ReactNode, useDeferredValue } from 'react';
import { Link } from 'wouter';
import { useWords } from '../i18n';
import { save } from './save';

export interface Column<T> {
  name: string;
  /** What is shown. */
  show: (row: T) => ReactNode;
  /** What stands in the file; absent = it is not in it. */
  text?: (row: T) => string;
  number?: boolean;
}

interface Props<T> {
  label: string;
  rows: T[];
  columns: Column<T>[];
  id: (row: T) => string;
  /** What the file holds, when that is more than is shown. */
  all?: T[];
  /** Where a row leads. */
  to?: (row: T) => string;
}

/** Rows of one screen. */
const AT_ONCE = 20;

export const usePhone = () => useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });

/** A cell that a spreadsheet takes for a formula begins with an apostrophe. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+([.,]\d+)?$/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

export function saveCsv<T>(name: string, rows: T[], columns: Column<T>[]) {
  const told = columns.filter((column) => column.text);
  const lines = [
    told.map((column) => cell(column.name)),
    ...rows.map((row) => told.map((column) => cell(column.text?.(row) ?? ''))),
  ];
  // The mark tells spreadsheets that it is UTF-8.
  const blob = new Blob(['\uFEFF', lines.map((line) => line.join(',')).join('\r\n'), '\r\n'], { type: 'text/csv' });
  save(`${name}.csv`, blob);
}

export function List<T>({ label, rows, columns, id, to, all = rows }: Props<T>) {
  const phone = usePhone();
  const { t } = useWords();
  const [first, ...rest] = columns;
  // What fits on a screen is there at once; the rest comes as soon as nobody waits for anything.
  const shown = useDeferredValue(rows, rows.slice(0, AT_ONCE));
  const saving = (
    <Group justify="flex-end">
      <Button
        size="xs"
        variant="subtle"
        leftSection={<IconDownload size={14} aria-hidden />}
        onClick={() => saveCsv(label, all, columns)}
      >
        {t.common.csv}
      </Button>
    </Group>
  );
  if (phone) {
    return (
      <Stack gap="xs">
        <ul className="cards" aria-label={label}>
          {shown.map((row) => (
            <li key={id(row)}>
              <b>{to ? <Link href={to(row)}>{first?.show(row)}</Link> : first?.show(row)}</b>
              <dl>
                {rest.map((column) => {
                  const said = column.show(row);
                  // What is not said takes no line of a small screen.
                  return said === '' || said === undefined ? null : (
                    <div key={column.name}>
                      <dt>{column.name}</dt>
                      <dd>{said}</dd>
                    </div>
                  );
                })}
              </dl>
            </li>
          ))}
        </ul>
        {saving}
      </Stack>
    );
  }
  return (
    <Stack gap={4}>
      <ScrollArea viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': label }}>
        <table className="rows" aria-label={label}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.name} className={column.number ? 'number' : undefined}>
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={id(row)}>
                {columns.map((column, place) => (
                  <td key={column.name} className={column.number ? 'number' : undefined}>
                    {place === 0 && to ? <Link href={to(row)}>{column.show(row)}</Link> : column.show(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollArea>
      {saving}
    </Stack>
  );
}
