// Documents and orders, from both sides.
import { Badge, Button, Group, NativeSelect, Stack, Switch, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type FormEvent, lazy, Suspense, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { moment } from '../format';
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import { useWords } from '../i18n';
import { documents } from '../rpc';
import { person } from '../session';
import { Begin } from '../ui/begin';
import { useKinds } from '../ui/kinds';
import { ImportPaper } from '../ui/paper';
import { Empty, Loaded, Page, Paged, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const Bars = lazy(() => import('../ui/bars'));

export const others = (one: Document) =>
  one.parties
    .filter((party) => party.role !== one.ourRole)
    .map((party) => party.name)
    .join(', ');

export default function Documents() {
  const { t, language } = useWords();
  const kinds = useKinds();
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const [kind, prefix, open] = [search.get('kind') ?? '', search.get('number') ?? '', search.get('open') === '1'];
  const [text, setText] = useState(prefix);
  // What is asked for stands in the address: it survives a reload, and can be sent to a colleague.
  const ask = (changed: Record<string, string>) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(changed)) value ? next.set(name, value) : next.delete(name);
    go(`/documents?${next}`);
  };
  const query = useInfiniteQuery({
    queryKey: ['document', 'list', kind, prefix, open],
    queryFn: ({ pageParam }) =>
      documents.listDocuments({ kind, numberPrefix: prefix, openOnly: open, page: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
  });
  const columns: Column<Document>[] = [
    { name: t.documents.number, show: (one) => one.number || t.documents.draft, text: (one) => one.number },
    { name: t.documents.kind, show: (one) => kinds.title(one.kind), text: (one) => kinds.title(one.kind) },
    { name: t.links.partner, show: others, text: others },
    {
      name: t.links.state,
      show: (one) => (
        <Group gap={4}>
          <Badge>{kinds.word(one.kind, one.state)}</Badge>
          {one.overdue && <Badge color="red">{t.documents.overdue}</Badge>}
        </Group>
      ),
      text: (one) => kinds.word(one.kind, one.state),
    },
    {
      name: t.documents.waitsFor,
      show: (one) =>
        one.waitsFor === one.ourRole && one.waitsFor ? (
          <Badge color="orange">{t.documents.us}</Badge>
        ) : (
          one.waitsForName
        ),
      text: (one) => one.waitsForName,
    },
    { name: t.documents.since, show: (one) => moment(one.since, language), text: (one) => moment(one.since, 'en') },
  ];
  const find = (event: FormEvent) => {
    event.preventDefault();
    ask({ number: text.trim() });
  };
  return (
    <Page
      title={t.nav.documents}
      actions={
        person()?.may.includes('document.write') &&
        person()?.may.includes('link.read') && (
          <>
            <ImportPaper />
            <Begin />
          </>
        )
      }
    >
      <form onSubmit={find}>
        <Group align="flex-end">
          <NativeSelect
            label={t.documents.kind}
            data={[
              { value: '', label: t.documents.all },
              ...[...kinds.all.keys()].map((name) => ({ value: name, label: kinds.title(name) })),
            ]}
            value={kind}
            onChange={(event) => ask({ kind: event.currentTarget.value })}
          />
          <TextInput label={t.documents.number} value={text} onChange={(event) => setText(event.currentTarget.value)} />
          <Button type="submit" variant="default">
            {t.common.find}
          </Button>
          <Switch label={t.documents.openOnly} checked={open} onChange={() => ask({ open: open ? '' : '1' })} mb={6} />
        </Group>
      </form>
      {kind && (
        <Board kind={kind} shown={search.get('chart') === '1'} show={(chart) => ask({ chart: chart ? '1' : '' })} />
      )}
      <Paged query={query} rows={query.data?.pages.flatMap((page) => page.documents)} none={t.documents.none}>
        {(rows) => (
          <List
            label={t.nav.documents}
            rows={rows}
            columns={columns}
            id={(one) => one.id}
            to={(one) => `/documents/${one.id}`}
          />
        )}
      </Paged>
    </Page>
  );
}

/** How many documents of a kind are in which state. */
function Board({ kind, shown, show }: { kind: string; shown: boolean; show: (chart: boolean) => void }) {
  const { t } = useWords();
  const kinds = useKinds();
  const query = useQuery({
    queryKey: ['document', 'board', kind],
    queryFn: () => documents.getBoard({ kind }),
    enabled: shown,
  });
  return (
    <Stack gap="xs">
      <Switch label={t.documents.byState} checked={shown} onChange={(event) => show(event.currentTarget.checked)} />
      {shown && (
        <Loaded query={query}>
          {({ cells }) =>
            cells.length === 0 ? (
              <Empty>{t.documents.none}</Empty>
            ) : (
              <Suspense fallback={<Waiting />}>
                <Bars
                  label={t.documents.byState}
                  figures={cells.map((cell) => ({ name: kinds.word(kind, cell.state), value: Number(cell.documents) }))}
                />
              </Suspense>
            )
          }
        </Loaded>
      )}
    </Stack>
  );
}
