// How long decisions take, month by month, and what waits now.
import { Group, NativeSelect, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { useLocation, useSearch } from 'wouter';
import { moment, number, secondsOf, span } from '../format';
import type { ApprovalsOpen, ApprovalTime } from '../gen/hansa/workflow/v1/staff_pb';
import { useWords } from '../i18n';
import { workflow } from '../rpc';
import { monthsIn } from '../ui/calendar';
import { Empty, Loaded, Page, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const Columns = lazy(() => import('../ui/columns'));
const spans = [3, 12, 36];

export default function Times() {
  const { t, language } = useWords();
  const words = t.figures.times;
  const [, go] = useLocation();
  const months = Number(new URLSearchParams(useSearch()).get('months') ?? 12);
  const query = useQuery({
    queryKey: ['approval', 'times', months],
    queryFn: () => workflow.getApprovalTimes({ months }),
  });
  const flows = useQuery({ queryKey: ['flow'], queryFn: () => workflow.listFlows({}) });
  // A rule that was retired has no title any more.
  const titleOf = (name: string) => {
    const titles = flows.data?.flows.find((one) => one.name === name)?.title;
    return titles?.[language] ?? titles?.en ?? name;
  };
  return (
    <Page title={words.title}>
      <Group>
        <NativeSelect
          label={t.figures.months}
          data={spans.map((many) => ({ value: String(many), label: words.months(many) }))}
          value={String(months)}
          onChange={(event) => go(`/approvals/times?months=${event.currentTarget.value}`)}
        />
      </Group>
      <Loaded query={query}>
        {({ times, open }) => {
          const names = [...new Set([...open, ...times].map(({ flow }) => flow))].sort();
          if (names.length === 0) return <Empty>{words.none}</Empty>;
          return names.map((flow) => (
            <Flow
              key={flow}
              title={titleOf(flow)}
              times={times.filter((one) => one.flow === flow)}
              open={open.find((one) => one.flow === flow)}
            />
          ));
        }}
      </Loaded>
      <Text size="xs" c="dimmed">
        {words.about}
      </Text>
    </Page>
  );
}

function Flow({ title, times, open }: { title: string; times: ApprovalTime[]; open?: ApprovalsOpen }) {
  const { t, language } = useWords();
  const words = t.figures.times;
  const write = (seconds: number) => span(seconds, language);
  const many = (value: bigint) => number(value, language);
  const columns: Column<ApprovalTime>[] = [
    { name: t.figures.month, show: (one) => one.month, text: (one) => one.month },
    { name: words.decided, show: (one) => many(one.decided), text: (one) => String(one.decided), number: true },
    { name: words.refused, show: (one) => many(one.refused), text: (one) => String(one.refused), number: true },
    ...(['median', 'ninth'] as const).map((which) => ({
      name: words[which],
      show: (one: ApprovalTime) => write(secondsOf(one[which])),
      text: (one: ApprovalTime) => String(secondsOf(one[which])),
      number: true,
    })),
  ];
  return (
    <Stack>
      <Title order={2} size="h4">
        {title}
      </Title>
      {open && (
        <Text size="sm">
          {words.open}: <b>{many(open.many)}</b> · {words.oldest} {moment(open.oldestAt, language)}
        </Text>
      )}
      {times.length > 0 && (
        <>
          <Suspense fallback={<Waiting />}>
            <Columns
              label={`${words.title}, ${title}`}
              names={[words.median, words.ninth]}
              instants={monthsIn(times[0]?.month ?? '', times.at(-1)?.month ?? '').map((name) => {
                const one = times.find(({ month }) => month === name);
                return { name, values: [secondsOf(one?.median), secondsOf(one?.ninth)] };
              })}
              write={write}
            />
          </Suspense>
          <List label={`${words.title}, ${title}`} rows={times} columns={columns} id={(one) => one.month} />
        </>
      )}
    </Stack>
  );
}
