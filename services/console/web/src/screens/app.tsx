// One app: what it shows of its documents, what its system does for us, what it asks for, and with whom it is shared.
import {
  Badge,
  List as Bullets,
  Button,
  Card,
  Checkbox,
  Group,
  NativeSelect,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { App, Operation, View, WorkbenchApp } from '../gen/hansa/apps/v1/staff_pb';
import { useWords } from '../i18n';
import { documents } from '../rpc';
import { apps, askApp } from '../rpc-apps';
import { person } from '../session';
import { FormButton, useAct } from '../ui/act';
import { AddressTabs } from '../ui/address-tabs';
import { useSaid } from '../ui/app';
import { FormView } from '../ui/content';
import { AtTheEnd } from '../ui/ending';
import { useKinds } from '../ui/kinds';
import { uuid7 } from '../ui/lines';
import { usePartners } from '../ui/partner';
import { ReviewNote } from '../ui/review';
import { Empty, Loaded, More, Page, Refused, Waiting } from '../ui/states';
import { Shares } from './shares';

const Bars = lazy(() => import('../ui/bars'));
const SchemaForm = lazy(() => import('../ui/form'));

export default function AppPage({ publisher, name }: { publisher: string; name: string }) {
  const said = useSaid();
  const query = useQuery({ queryKey: ['app', publisher, name], queryFn: () => apps.getApp({ publisher, name }) });
  const bench = useQuery({
    queryKey: ['app', 'workbench'],
    queryFn: () => apps.getWorkbench({ pageSize: 200 }),
    enabled: person()?.may.includes('app.use') ?? false,
  });
  const mine = bench.data?.apps.find(({ app }) => app?.publisher === publisher && app.name === name);
  const app = query.data?.app;
  return (
    <Page title={(app && said(app.title)) || name} actions={mine?.mayBegin && <Begin one={mine} />}>
      <Loaded query={query}>{() => app && <Whole app={app} mine={mine} />}</Loaded>
    </Page>
  );
}

function Whole({ app, mine }: { app: App; mine?: WorkbenchApp }) {
  const { t } = useWords();
  const said = useSaid();
  const may = person()?.may ?? [];
  const role = mine?.ourRole ?? (app.ours ? app.roles[0] : undefined);
  const views = app.views.filter(
    (view) => view.shape !== 'detail' && role !== undefined && (view.roles.length === 0 || view.roles.includes(role)),
  );
  const tabs = [
    ...(may.includes('document.read') ? views : []).map((view) => ({
      value: view.name,
      name: said(view.title) || view.name,
      show: () => <ViewTab app={app} view={view} />,
    })),
    { value: 'about', name: t.apps.about, show: () => <About app={app} mine={mine} /> },
    ...(may.includes('app.read')
      ? [{ value: 'shares', name: t.apps.shares, show: () => <AppShares app={app} /> }]
      : []),
  ];
  return (
    <Stack>
      <Group gap="xs">
        <Badge>{t.apps.versionNumber(app.version)}</Badge>
        <Text size="sm">{app.ours ? t.apps.ours : t.apps.by(app.publisherName)}</Text>
        {mine && mine.waiting > 0 && <Badge color="orange">{t.apps.waiting(mine.waiting)}</Badge>}
      </Group>
      <ReviewNote review={app.review} />
      <AddressTabs path={`/apps/${app.publisher}/${app.name}`} tabs={tabs} />
    </Stack>
  );
}

/** A new document of the app: with whom, where there are several who share it. */
function Begin({ one }: { one: WorkbenchApp }) {
  const { t } = useWords();
  const partners = usePartners();
  const [, go] = useLocation();
  const [chosen, setChosen] = useState(one.linkIds[0] ?? '');
  const app = one.app as App;
  const others = app.ours ? app.roles.filter((role) => role !== one.ourRole) : app.roles.slice(0, 1);
  const begin = useAct(
    () =>
      documents.createDocument({
        kind: app.kind,
        links: Object.fromEntries(others.slice(0, 1).map((role) => [role, chosen])),
      }),
    ['document'],
    ({ document }) => go(`/documents/${document?.id}`),
  );
  return (
    <>
      {one.linkIds.length > 1 && (
        <NativeSelect
          aria-label={t.links.partner}
          data={one.linkIds.map((id) => ({ value: id, label: partners.name(id) }))}
          value={chosen}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
      )}
      <Button loading={begin.isPending} onClick={() => begin.mutate(undefined)}>
        {t.apps.begin}
      </Button>
      {begin.isError && <Refused error={begin.error} />}
    </>
  );
}

function ViewTab({ app, view }: { app: App; view: View }) {
  const { t, language } = useWords();
  const query = useInfiniteQuery({
    queryKey: ['document', 'view', app.publisher, app.name, view.name, language],
    queryFn: ({ pageParam }) =>
      apps.showView({ publisher: app.publisher, app: app.name, view: view.name, language, page: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
    refetchInterval: 5_000,
  });
  if (query.isPending) return <Waiting />;
  if (query.isError) return <Refused error={query.error} retry={() => query.refetch()} />;
  const columns = query.data.pages[0]?.columns ?? [];
  const rows = query.data.pages.flatMap((page) => page.rows);
  if (rows.length === 0) return <Empty>{t.apps.nothingHere}</Empty>;
  return (
    <Stack>
      {view.shape === 'chart' && (
        <Suspense fallback={<Waiting />}>
          <Bars
            label={columns.at(-1) ?? ''}
            figures={rows.map(({ cells }) => ({ name: cells[0] ?? '', value: Number(cells[1] ?? 0) }))}
          />
        </Suspense>
      )}
      <Table.ScrollContainer minWidth={0}>
        <Table striped highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              {columns.map((name) => (
                <Table.Th key={name}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.documentId || row.cells[0]}>
                {row.cells.map((cell, place) => (
                  <Table.Td key={columns[place]}>
                    {place === 0 && row.documentId ? <Link href={`/documents/${row.documentId}`}>{cell}</Link> : cell}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <More query={query} />
    </Stack>
  );
}

function About({ app, mine }: { app: App; mine?: WorkbenchApp }) {
  const { t } = useWords();
  const said = useSaid();
  const kinds = useKinds();
  const callable = mine ? app.operations.filter((one) => one.by.includes(mine.ourRole)) : [];
  return (
    <Stack>
      <Text>{said(app.summary)}</Text>
      <Card withBorder>
        <Title order={2} size="h4" mb="xs">
          {t.apps.asked}
        </Title>
        {app.scopes.length === 0 && <Text size="sm">{t.apps.asksNothing}</Text>}
        <Bullets size="sm">
          {app.scopes.map((one) => (
            <Bullets.Item key={one.scope}>
              {one.meaning} {said(one.why)} {one.optional ? t.apps.optional : t.apps.needed}
            </Bullets.Item>
          ))}
        </Bullets>
      </Card>
      <Card withBorder>
        <Title order={2} size="h4" mb="xs">
          {t.apps.roles}
        </Title>
        <Text size="sm">{app.roles.map((role) => kinds.word(app.kind, role)).join(', ')}</Text>
        <AtTheEnd app={app} />
      </Card>
      {mine && person()?.may.includes('app.call') && callable.length > 0 && (
        <Card withBorder>
          <Title order={2} size="h4" mb="xs">
            {t.apps.operations}
          </Title>
          <Group>
            {callable.map((one) => (
              <Call key={one.name} app={app} one={one} />
            ))}
          </Group>
        </Card>
      )}
    </Stack>
  );
}

/** Has the system behind the app do something, and shows what it answers. */
function Call({ app, one }: { app: App; one: Operation }) {
  const { t } = useWords();
  const said = useSaid();
  const [json, setJson] = useState('{}');
  const [answer, setAnswer] = useState('');
  // The same form sent again is the same call.
  const [id, setId] = useState(uuid7);
  return (
    <Stack gap={4}>
      <FormButton
        size="xs"
        variant="default"
        label={said(one.title) || one.name}
        submit={t.apps.call}
        touched={['document']}
        work={async () => {
          const { publisher, name, ours } = app;
          const told = await askApp({
            id,
            publisher: ours ? '' : publisher,
            app: name,
            operation: one.name,
            input: json,
          });
          if (told.refused) throw { message: told.refused, reason: 'REFUSED' };
          setAnswer(told.output);
          setId(uuid7());
        }}
        wide
      >
        <Suspense fallback={<Waiting />}>
          <SchemaForm schema={JSON.parse(one.input || '{}')} json={json} files={[]} change={setJson} />
        </Suspense>
      </FormButton>
      {answer && (
        <div role="status">
          <FormView form={{ json: answer, files: [] }} schema={JSON.parse(one.output || '{}')} />
        </div>
      )}
    </Stack>
  );
}

function AppShares({ app }: { app: App }) {
  return (
    <Stack>
      {app.ours && person()?.may.includes('app.share') && (
        <Group justify="flex-end">
          <ShareIt app={app} />
        </Group>
      )}
      <Shares app={app.name} />
    </Stack>
  );
}

function ShareIt({ app }: { app: App }) {
  const { t } = useWords();
  const partners = usePartners();
  const [chosen, setChosen] = useState<string[]>([]);
  const [group, setGroup] = useState('');
  return (
    <FormButton
      label={t.apps.share}
      ready={chosen.length > 0 || group.trim() !== ''}
      touched={['share']}
      work={async () => {
        const answer = await apps.shareApp({
          name: app.name,
          linkIds: group.trim() ? [] : chosen,
          group: group.trim(),
        });
        const [refused] = Object.values(answer.refused);
        if (refused) throw { message: refused, reason: 'REFUSED' };
      }}
      done={() => setChosen([])}
    >
      <Text size="sm">{t.apps.shareText}</Text>
      <Checkbox.Group label={t.links.partner} value={chosen} onChange={setChosen}>
        <Stack gap="xs" mt={6}>
          {partners.all.map((link) => (
            <Checkbox key={link.id} value={link.id} label={link.partner} disabled={group.trim() !== ''} />
          ))}
        </Stack>
      </Checkbox.Group>
      <TextInput
        label={t.apps.group}
        description={t.apps.groupRule}
        value={group}
        maxLength={80}
        onChange={(event) => setGroup(event.currentTarget.value)}
      />
    </FormButton>
  );
}
