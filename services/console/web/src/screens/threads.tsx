// All threads, those with something new first.
import { Badge, SimpleGrid, Switch } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useLocation, useSearch } from 'wouter';
import { moment } from '../format';
import type { Thread } from '../gen/hansa/conversations/v1/staff_pb';
import { useWords } from '../i18n';
import { conversations } from '../rpc-trade';
import { Empty, Loaded, Page } from '../ui/states';
import { type Column, List } from '../ui/table';
import { type About, ThreadPanel } from '../ui/thread';

const addressOf = (thread: Thread) => `/threads?${thread.subject?.about.case}=${thread.subject?.about.value}`;

export default function Threads() {
  const { t, language } = useWords();
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const unreadOnly = search.get('unread') === '1';
  const about: About | undefined = search.get('linkId')
    ? { case: 'linkId', value: search.get('linkId') ?? '' }
    : search.get('documentId')
      ? { case: 'documentId', value: search.get('documentId') ?? '' }
      : undefined;
  const query = useQuery({
    queryKey: ['thread', 'all', unreadOnly],
    queryFn: () => conversations.listThreads({ unreadOnly, pageSize: 200 }),
  });
  const columns: Column<Thread>[] = [
    { name: t.threads.with, show: (one) => one.title, text: (one) => one.title },
    {
      name: t.threads.new,
      show: (one) => (one.last > one.read ? <Badge color="orange">{t.threads.unread}</Badge> : ''),
      text: (one) => (one.last > one.read ? t.threads.unread : ''),
    },
    { name: t.threads.last, show: (one) => moment(one.lastAt, language), text: (one) => moment(one.lastAt, 'en') },
  ];
  return (
    <Page title={t.nav.threads}>
      <Switch
        label={t.threads.unreadOnly}
        checked={unreadOnly}
        onChange={() => go(unreadOnly ? '/threads' : '/threads?unread=1')}
      />
      <SimpleGrid cols={{ base: 1, md: about ? 2 : 1 }}>
        <Loaded query={query}>
          {(answer) =>
            answer.threads.length === 0 ? (
              <Empty>{t.threads.none}</Empty>
            ) : (
              <List label={t.nav.threads} rows={answer.threads} columns={columns} id={addressOf} to={addressOf} />
            )
          }
        </Loaded>
        {about && <ThreadPanel key={about.value} about={about} />}
      </SimpleGrid>
    </Page>
  );
}
