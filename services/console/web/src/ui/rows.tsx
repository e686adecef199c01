// Rows out of a file: looked at first, row by row, and then taken.
import { Alert, Button, Card, FileInput, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import Papa from 'papaparse';
import { type ReactNode, useState } from 'react';
import { number } from '../format';
import { useWords } from '../i18n';
import { Refused } from './states';
import { type Column, List } from './table';

/** Rows of one call, and of a file; larger ones are for the command line. */
const CHUNK = 500;
const ROWS_MAX = 100_000;
/** Problems that are shown; all of them stand in the CSV. */
const SHOWN_MAX = 200;
const counted = ['rows', 'created', 'changed', 'unchanged', 'refused'] as const;

export type Row = { line: bigint; cells: Record<string, string> };

interface Problem {
  line: bigint;
  field: string;
  reason: string;
  text: string;
}

interface Answer {
  problems: Problem[];
  totals?: Record<(typeof counted)[number], bigint>;
}

interface Told {
  totals: Record<(typeof counted)[number], number>;
  problems: Problem[];
  dryRun: boolean;
}

/** The rows of a file whose first line names its columns; other columns are left out. */
function read(text: string, columns: readonly string[]): Row[] {
  const parsed = Papa.parse<Record<string, string>>(text, {
    header: true,
    skipEmptyLines: true,
    transformHeader: (name) => name.trim().toLowerCase(),
  });
  return parsed.data.map((one, place) => ({
    line: BigInt(place + 2),
    cells: Object.fromEntries(columns.map((name) => [name, one[name]?.trim() ?? ''])),
  }));
}

interface Props {
  columns: readonly string[];
  /** What else has to be known of all rows. */
  children?: ReactNode;
  send: (rows: Row[], dryRun: boolean) => Promise<Answer>;
  touched: string;
}

export function FileRows({ columns, children, send, touched }: Props) {
  const { t, language } = useWords();
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [done, setDone] = useState<number>();
  const [told, setTold] = useState<Told>();
  const [error, setError] = useState<unknown>();
  const run = async (dryRun: boolean) => {
    if (!file) return;
    setError(undefined);
    setTold(undefined);
    try {
      const rows = read(await file.text(), columns);
      if (rows.length === 0 || rows.length > ROWS_MAX)
        throw { message: t.import.size(number(ROWS_MAX, language)), reason: 'ROWS' };
      const totals = { rows: 0, created: 0, changed: 0, unchanged: 0, refused: 0 };
      const problems: Problem[] = [];
      for (let from = 0; from < rows.length; from += CHUNK) {
        setDone(Math.round((100 * from) / rows.length));
        const answer = await send(rows.slice(from, from + CHUNK), dryRun);
        for (const name of counted) totals[name] += Number(answer.totals?.[name] ?? 0n);
        problems.push(...answer.problems);
      }
      setTold({ totals, problems, dryRun });
      if (!dryRun) await queries.invalidateQueries({ queryKey: [touched] });
    } catch (refused) {
      setError(refused);
    } finally {
      setDone(undefined);
    }
  };
  return (
    <Stack>
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
        {children}
        <Button variant="default" disabled={!file} loading={done !== undefined} onClick={() => void run(true)}>
          {t.import.look}
        </Button>
        <Button disabled={!told?.dryRun} loading={done !== undefined} onClick={() => void run(false)}>
          {t.import.take}
        </Button>
      </Group>
      {done !== undefined && <Text role="status">{t.import.done(done)}</Text>}
      {error !== undefined && <Refused error={error} />}
      {told && <Outcome told={told} />}
    </Stack>
  );
}

function Outcome({ told }: { told: Told }) {
  const { t, language } = useWords();
  const named: Column<Problem>[] = [
    { name: t.lines.line, show: (one) => String(one.line), text: (one) => String(one.line) },
    { name: t.import.column, show: (one) => one.field, text: (one) => one.field },
    { name: t.lines.reason, show: (one) => one.text, text: (one) => `${one.reason}: ${one.text}` },
  ];
  const figures: [string, number][] = [
    [t.import.created, told.totals.created],
    [t.import.changed, told.totals.changed],
    [t.import.unchanged, told.totals.unchanged],
    [t.import.refused, told.totals.refused],
  ];
  const rows = number(told.totals.rows, language);
  return (
    <Stack>
      <Alert color={told.dryRun ? 'blue' : 'teal'} role="status">
        {told.dryRun ? t.import.looked(rows) : t.import.taken(rows)}
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
  );
}
