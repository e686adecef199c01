// How a link has done, day by day.
import { Card, Group, NativeSelect, Stack, Switch, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { useLocation, useSearch } from 'wouter';
import { number, secondsOf, span } from '../format';
import type { LinkDay } from '../gen/hansa/link/v1/staff_pb';
import { useWords } from '../i18n';
import { links } from '../rpc';
import { daysIn } from '../ui/calendar';
import { Empty, Loaded, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const Columns = lazy(() => import('../ui/columns'));
const spans = [7, 30, 90];

export function LinkHistory({ id }: { id: string }) {
  const { t } = useWords();
  const words = t.figures.history;
  const [, go] = useLocation();
  // In the address: it survives a reload. 0 = it is not looked at.
  const days = Number(new URLSearchParams(useSearch()).get('days') ?? 0);
  const ask = (many: string) => go(`/links/${id}${many === '0' ? '' : `?days=${many}`}`);
  const query = useQuery({
    queryKey: ['link', 'history', id, days],
    queryFn: () => links.getLinkHistory({ id, days }),
    enabled: days > 0,
  });
  return (
    <Card withBorder>
      <Stack>
        <Group justify="space-between">
          <Title order={2} size="h4">
            {words.title}
          </Title>
          <Group>
            {days > 0 && (
              <NativeSelect
                aria-label={t.figures.day}
                data={spans.map((many) => ({ value: String(many), label: words.days(many) }))}
                value={String(days)}
                onChange={(event) => ask(event.currentTarget.value)}
              />
            )}
            <Switch
              label={t.figures.chart}
              checked={days > 0}
              onChange={(event) => ask(event.currentTarget.checked ? '30' : '0')}
            />
          </Group>
        </Group>
        {days > 0 && (
          <Loaded query={query}>
            {(answer) => (answer.days.length === 0 ? <Empty>{words.none}</Empty> : <Days days={answer.days} />)}
          </Loaded>
        )}
      </Stack>
    </Card>
  );
}

function Days({ days }: { days: LinkDay[] }) {
  const { t, language } = useWords();
  const words = t.figures.history;
  const write = (seconds: number) => span(seconds, language);
  const count = (name: 'sent' | 'received' | 'unanswered'): Column<LinkDay> => ({
    name: words[name],
    show: (one) => number(one[name], language),
    text: (one) => String(one[name]),
    number: true,
  });
  const delay = (name: 'median' | 'longest'): Column<LinkDay> => ({
    name: words[name],
    show: (one) => (one[name] ? write(secondsOf(one[name])) : ''),
    text: (one) => (one[name] ? String(secondsOf(one[name])) : ''),
    number: true,
  });
  const columns: Column<LinkDay>[] = [
    { name: t.figures.day, show: (one) => one.day, text: (one) => one.day },
    count('sent'),
    count('received'),
    delay('median'),
    delay('longest'),
    count('unanswered'),
  ];
  const drawn = daysIn(days[0]?.day ?? '', days.at(-1)?.day ?? '').map((name) => ({
    name,
    one: days.find(({ day }) => day === name),
  }));
  return (
    <>
      <Suspense fallback={<Waiting />}>
        <Columns
          label={words.messages}
          names={[words.sent, words.received]}
          instants={drawn.map(({ name, one }) => ({
            name,
            values: [Number(one?.sent ?? 0n), Number(one?.received ?? 0n)],
          }))}
        />
        <Columns
          label={words.longest}
          names={[words.median, words.longest]}
          instants={drawn.map(({ name, one }) => ({ name, values: [secondsOf(one?.median), secondsOf(one?.longest)] }))}
          write={write}
        />
      </Suspense>
      <List label={words.title} rows={days} columns={columns} id={(one) => one.day} />
      <Text size="xs" c="dimmed">
        {words.about}
      </Text>
    </>
  );
}
