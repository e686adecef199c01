// The workbench: apps that one may use, all that are known here, and with whom they are shared.
import { Badge, Button, Card, Group, NativeSelect, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { moment } from '../format';
import type { App } from '../gen/hansa/apps/v1/staff_pb';
import { useWords } from '../i18n';
import { apps } from '../rpc-apps';
import { person } from '../session';
import { AddressTabs } from '../ui/address-tabs';
import { appPath, useSaid } from '../ui/app';
import { Empty, Loaded, More, Page, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';
import { Publish } from './publish';
import { Shares } from './shares';

export default function Apps() {
  const { t } = useWords();
  const tabs = [
    { value: 'workbench', name: t.apps.workbench, show: () => <Workbench /> },
    { value: 'catalogue', name: t.apps.catalogue, show: () => <Catalogue /> },
    { value: 'shares', name: t.apps.shares, show: () => <Shares /> },
  ];
  return (
    <Page title={t.nav.apps}>
      <AddressTabs path="/apps" tabs={tabs} />
    </Page>
  );
}

function Workbench() {
  const { t, language } = useWords();
  const said = useSaid();
  const query = useQuery({
    queryKey: ['app', 'workbench'],
    queryFn: () => apps.getWorkbench({ pageSize: 200 }),
    refetchInterval: 10_000,
  });
  return (
    <Loaded query={query}>
      {(bench) => (
        <Stack>
          {bench.apps.length === 0 && <Empty>{t.apps.none}</Empty>}
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
            {bench.apps.map(
              ({ app, waiting, open }) =>
                app && (
                  <Card withBorder key={`${app.publisher}/${app.name}`}>
                    <Stack gap={6} h="100%">
                      <Group justify="space-between" wrap="nowrap" align="flex-start">
                        <Title order={2} size="h4">
                          <Link href={appPath(app)}>{said(app.title) || app.name}</Link>
                        </Title>
                        {waiting > 0 && <Badge color="orange">{t.apps.waiting(waiting)}</Badge>}
                      </Group>
                      <Text size="sm">{said(app.summary)}</Text>
                      <Text size="sm" c="dimmed" mt="auto">
                        {app.ours ? t.apps.ours : t.apps.by(app.publisherName)} · {t.apps.open(open)}
                      </Text>
                    </Stack>
                  </Card>
                ),
            )}
          </SimpleGrid>
          {bench.notices.length > 0 && (
            <Card withBorder>
              <Title order={2} size="h4" mb="xs">
                {t.apps.notices}
              </Title>
              <Stack gap={4}>
                {bench.notices.map((one) => (
                  <Group key={`${one.documentId}/${one.at?.seconds}/${one.text}`} gap="xs">
                    <Link href={`/documents/${one.documentId}`}>{one.text}</Link>
                    <Text size="sm" c="dimmed">
                      {moment(one.at, language)}
                    </Text>
                  </Group>
                ))}
              </Stack>
            </Card>
          )}
        </Stack>
      )}
    </Loaded>
  );
}

function Catalogue() {
  const { t, language } = useWords();
  const said = useSaid();
  const [, go] = useLocation();
  const params = new URLSearchParams(useSearch());
  const [asked, which] = [params.get('search') ?? '', params.get('which') ?? ''];
  const [text, setText] = useState(asked);
  const query = useInfiniteQuery({
    queryKey: ['app', 'all', asked, which],
    queryFn: ({ pageParam }) => apps.listApps({ search: asked, oursOnly: which === 'ours', page: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
  });
  const find = (event?: FormEvent, next = which) => {
    event?.preventDefault();
    go(`/apps?tab=catalogue&search=${encodeURIComponent(text.trim())}&which=${next}`);
  };
  const columns: Column<App>[] = [
    { name: t.apps.app, show: (one) => said(one.title) || one.name, text: (one) => said(one.title) || one.name },
    {
      name: t.apps.publisher,
      show: (one) => (one.ours ? t.apps.ours : one.publisherName),
      text: (one) => one.publisherName,
    },
    { name: t.apps.version, show: (one) => String(one.version), text: (one) => String(one.version), number: true },
    { name: t.apps.about, show: (one) => said(one.summary), text: (one) => said(one.summary) },
    {
      name: t.apps.published,
      show: (one) => moment(one.publishedAt, language),
      text: (one) => moment(one.publishedAt, 'en'),
    },
  ];
  const rows = query.data?.pages.flatMap((page) => page.apps) ?? [];
  return (
    <Stack>
      <Group justify="space-between" align="flex-end">
        <form onSubmit={find}>
          <Group align="flex-end">
            <TextInput
              label={t.apps.find}
              value={text}
              maxLength={100}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            <NativeSelect
              label={t.apps.publisher}
              data={[
                { value: '', label: t.home.all },
                { value: 'ours', label: t.apps.ours },
              ]}
              value={which}
              onChange={(event) => find(undefined, event.currentTarget.value)}
            />
            <Button type="submit" variant="default">
              {t.common.find}
            </Button>
          </Group>
        </form>
        {person()?.may.includes('app.publish') && <Publish />}
      </Group>
      {query.isError && <Refused error={query.error} retry={() => query.refetch()} />}
      {query.isSuccess && rows.length === 0 && <Empty>{t.apps.nothing}</Empty>}
      {rows.length > 0 && (
        <List
          label={t.apps.catalogue}
          rows={rows}
          columns={columns}
          id={(one) => `${one.publisher}/${one.name}`}
          to={appPath}
        />
      )}
      <More query={query} />
    </Stack>
  );
}
