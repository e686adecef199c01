// A list: a table at a desk, cards on a phone, and what one sees as a CSV file.
import { Button, Card, Group, ScrollArea, Stack, Table, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconDownload } from '@tabler/icons-react';
import type { ReactNode } from 'react';
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
        <Stack gap="xs" component="ul" aria-label={label} p={0} m={0} style={{ listStyle: 'none' }}>
          {rows.map((row) => (
            <Card key={id(row)} component="li" withBorder padding="sm" radius="md">
              <Text component="div" fw={600}>
                {to ? <Link href={to(row)}>{first?.show(row)}</Link> : first?.show(row)}
              </Text>
              {rest.map((column) => (
                <Group key={column.name} justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
                  <Text size="sm" c="dimmed" style={{ flex: 'none' }}>
                    {column.name}
                  </Text>
                  <Text size="sm" component="div" ta="end">
                    {column.show(row)}
                  </Text>
                </Group>
              ))}
            </Card>
          ))}
        </Stack>
        {saving}
      </Stack>
    );
  }
  return (
    <Stack gap={4}>
      <ScrollArea viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': label }}>
        <Table striped highlightOnHover verticalSpacing="xs" aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th key={column.name} className={column.number ? 'number' : undefined}>
                  {column.name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={id(row)}>
                {columns.map((column, place) => (
                  <Table.Td key={column.name} className={column.number ? 'number' : undefined}>
                    {place === 0 && to ? <Link href={to(row)}>{column.show(row)}</Link> : column.show(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
      {saving}
    </Stack>
  );
}
