// Stock out of a file: looked at first, row by row, and then taken.
import { Alert, Button, Card, FileInput, Group, NumberInput, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import Papa from 'papaparse';
import { useState } from 'react';
import { Link } from 'wouter';
import { number } from '../format';
import type { RowProblem } from '../gen/hansa/inventory/v1/staff_pb';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { Page, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';

/** Rows of one call, and of a file; larger ones are for the command line. */
const CHUNK = 500;
const ROWS_MAX = 100_000;
/** Problems that are shown; all of them stand in the CSV. */
const SHOWN_MAX = 200;

const columns = ['gtin', 'sku', 'name', 'location', 'lot', 'quantity', 'unit'] as const;
type Row = Record<(typeof columns)[number], string> & { line: bigint };

interface Totals {
  rows: number;
  created: number;
  changed: number;
  unchanged: number;
  refused: number;
}

interface Told {
  totals: Totals;
  problems: RowProblem[];
  dryRun: boolean;
}

/** The rows of a file whose first line names its columns. */
function read(text: string): Row[] {
  const parsed = Papa.parse<Record<string, string>>(text, {
    header: true,
    skipEmptyLines: true,
    transformHeader: (name) => name.trim().toLowerCase(),
  });
  return parsed.data.map((one, place) => {
    const cells = Object.fromEntries(columns.map((name) => [name, one[name]?.trim() ?? '']));
    return { ...(cells as Record<(typeof columns)[number], string>), line: BigInt(place + 2) };
  });
}

export default function Import() {
  const { t, language } = useWords();
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [location, setLocation] = useState('MAIN');
  const [units, setUnits] = useState<number | string>('');
  const [done, setDone] = useState<number>();
  const [told, setTold] = useState<Told>();
  const [error, setError] = useState<unknown>();
  const run = async (dryRun: boolean) => {
    if (!file) return;
    setError(undefined);
    setTold(undefined);
    try {
      const rows = read(await file.text());
      if (rows.length === 0 || rows.length > ROWS_MAX)
        throw { message: t.import.size(number(ROWS_MAX, language)), reason: 'ROWS' };
      const totals: Totals = { rows: 0, created: 0, changed: 0, unchanged: 0, refused: 0 };
      const problems: RowProblem[] = [];
      for (let from = 0; from < rows.length; from += CHUNK) {
        setDone(Math.round((100 * from) / rows.length));
        const options = { dryRun, location: location.trim(), quantity: String(units) };
        const answer = await inventory.importRows({ options, rows: rows.slice(from, from + CHUNK) });
        for (const name of ['rows', 'created', 'changed', 'unchanged', 'refused'] as const)
          totals[name] += Number(answer.totals?.[name] ?? 0n);
        problems.push(...answer.problems);
      }
      setTold({ totals, problems, dryRun });
      if (!dryRun) await queries.invalidateQueries({ queryKey: ['level'] });
    } catch (refused) {
      setError(refused);
    } finally {
      setDone(undefined);
    }
  };
  const named: Column<RowProblem>[] = [
    { name: t.lines.line, show: (one) => String(one.line), text: (one) => String(one.line) },
    { name: t.import.column, show: (one) => one.field, text: (one) => one.field },
    { name: t.lines.reason, show: (one) => one.text, text: (one) => `${one.reason}: ${one.text}` },
  ];
  const figures: [string, number][] = told
    ? [
        [t.import.created, told.totals.created],
        [t.import.changed, told.totals.changed],
        [t.import.unchanged, told.totals.unchanged],
        [t.import.refused, told.totals.refused],
      ]
    : [];
  return (
    <Page title={t.import.title}>
      <Text size="sm">{t.import.about(columns.join(', '))}</Text>
      <Group align="flex-end">
        <FileInput
          label={t.import.file}
          placeholder={t.import.choose}
          accept=".csv,text/csv"
          value={file}
          onChange={(chosen) => {
            setFile(chosen);
            setTold(undefined);
          }}
          w={260}
        />
        <TextInput
          label={t.stock.place}
          value={location}
          maxLength={40}
          onChange={(event) => setLocation(event.currentTarget.value)}
        />
        <NumberInput label={t.import.quantity} value={units} onChange={setUnits} min={0} allowDecimal={false} />
        <Button variant="default" disabled={!file} loading={done !== undefined} onClick={() => void run(true)}>
          {t.import.look}
        </Button>
        <Button disabled={!told?.dryRun} loading={done !== undefined} onClick={() => void run(false)}>
          {t.import.take}
        </Button>
      </Group>
      {done !== undefined && <Text role="status">{t.import.done(done)}</Text>}
      {error !== undefined && <Refused error={error} />}
      {told && (
        <Stack>
          <Alert color={told.dryRun ? 'blue' : 'teal'} role="status">
            {told.dryRun
              ? t.import.looked(number(told.totals.rows, language))
              : t.import.taken(number(told.totals.rows, language))}
          </Alert>
          <SimpleGrid cols={{ base: 2, sm: 4 }}>
            {figures.map(([name, value]) => (
              <Card withBorder key={name} padding="sm">
                <Text size="sm">{name}</Text>
                <Text fw={700} size="xl">
                  {number(value, language)}
                </Text>
              </Card>
            ))}
          </SimpleGrid>
          {told.problems.length > SHOWN_MAX && <Text size="sm">{t.import.some(SHOWN_MAX)}</Text>}
          {told.problems.length > 0 && (
            <List
              label={t.import.refused}
              rows={told.problems.slice(0, SHOWN_MAX)}
              columns={named}
              id={(one) => `${one.line}/${one.field}`}
              all={told.problems}
            />
          )}
        </Stack>
      )}
      <Link href="/stock">{t.nav.stock}</Link>
    </Page>
  );
}
