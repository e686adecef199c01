// What is owed between us and a partner, by age; both see the same.

import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Badge, Button, Card, Group, Progress, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useLocation, useSearch } from 'wouter';
import { digitsOf, moment, money } from '../format';
import type { Balance, OpenItem } from '../gen/hansa/procurement/v1/account_pb';
import { useWords } from '../i18n';
import { accounts } from '../rpc-trade';
import { person } from '../session';
import { useAct } from '../ui/act';
import { AddressTabs } from '../ui/address-tabs';
import { useKinds } from '../ui/kinds';
import { PartnerChoice } from '../ui/partner';
import { Empty, Page, Refused, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';
import { Budgets } from './budgets';
import { Turnover } from './turnover';

const colors = ['teal', 'yellow', 'orange', 'red', 'red'];

/** The last second of that civil day in UTC, by which statements go; absent = now. */
const endOf = (day: string) => (day ? timestampFromDate(new Date(`${day}T23:59:59Z`)) : undefined);

export default function Accounts() {
  const { t } = useWords();
  const tabs = [
    { value: 'open', name: t.figures.turnover.open, show: () => <Statement /> },
    ...(person()?.may.includes('budget.read')
      ? [{ value: 'budgets', name: t.budget.title, show: () => <Budgets /> }]
      : []),
    { value: 'turnover', name: t.figures.turnover.title, show: () => <Turnover /> },
  ];
  return (
    <Page title={t.nav.accounts}>
      <AddressTabs path="/accounts" tabs={tabs} />
    </Page>
  );
}

function Statement() {
  const { t, language } = useWords();
  const kinds = useKinds();
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const [linkId, day] = [search.get('partner') ?? '', search.get('day') ?? ''];
  const ask = (partner: string, until: string) => go(`/accounts?${new URLSearchParams({ partner, day: until })}`);
  const query = useInfiniteQuery({
    queryKey: ['document', 'statement', linkId, day],
    queryFn: ({ pageParam }) => accounts.getStatement({ linkId, page: pageParam, asOf: endOf(day) }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
    enabled: linkId !== '',
  });
  const compare = useAct(() => accounts.compareWithPartner({ linkId, asOf: endOf(day) }), []);
  const amount = (minor: bigint, currency: string) => money(minor, digitsOf(currency), currency, language);
  const columns: Column<OpenItem>[] = [
    { name: t.documents.number, show: (one) => one.number, text: (one) => one.number },
    { name: t.documents.kind, show: (one) => kinds.title(one.kind), text: (one) => kinds.title(one.kind) },
    {
      name: t.accounts.owed,
      show: (one) => (one.owedToUs ? t.accounts.toUs : t.accounts.byUs),
      text: (one) => (one.owedToUs ? t.accounts.toUs : t.accounts.byUs),
    },
    {
      name: t.accounts.amount,
      show: (one) => amount(one.amount, one.currency),
      text: (one) => amount(one.amount, one.currency),
      number: true,
    },
    { name: t.head.dueDate, show: (one) => one.dueOn, text: (one) => one.dueOn },
    {
      name: t.accounts.age,
      show: (one) => <Badge color={colors[one.age] ?? 'gray'}>{t.accounts.ages[one.age]}</Badge>,
      text: (one) => t.accounts.ages[one.age] ?? '',
    },
    {
      name: t.accounts.disputed,
      show: (one) =>
        one.disputed > 0n ? (
          <Stack gap={0}>
            <span>{amount(one.disputed, one.currency)}</span>
            <Text size="xs">{one.reason}</Text>
            {one.deadline && <Text size="xs">{t.documents.due(moment(one.deadline, language))}</Text>}
          </Stack>
        ) : (
          ''
        ),
      text: (one) => (one.disputed > 0n ? `${amount(one.disputed, one.currency)} ${one.reason}` : ''),
    },
  ];
  const first = query.data?.pages[0];
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Stack>
      <Group align="flex-end">
        <PartnerChoice value={linkId} change={(partner) => ask(partner, day)} />
        <TextInput
          type="date"
          label={t.accounts.asOf}
          value={day}
          onChange={(event) => ask(linkId, event.currentTarget.value)}
        />
        {linkId && (
          <Button variant="default" loading={compare.isPending} onClick={() => compare.mutate()}>
            {t.accounts.compare}
          </Button>
        )}
      </Group>
      {compare.isError && <Refused error={compare.error} />}
      {compare.data && (
        <Text role="status">
          {compare.data.same ? t.accounts.same : t.accounts.differs(String(compare.data.differences.length))}
        </Text>
      )}
      {linkId === '' && <Empty>{t.accounts.choose}</Empty>}
      {linkId !== '' && query.isPending && <Waiting />}
      {query.isError && <Refused error={query.error} retry={() => query.refetch()} />}
      {first && first.balances.length === 0 && <Empty>{t.accounts.nothing}</Empty>}
      {first && (
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          {first.balances.map((one) => (
            <Sums key={one.currency} one={one} amount={amount} />
          ))}
        </SimpleGrid>
      )}
      {items.length > 0 && (
        <List
          label={t.nav.accounts}
          rows={items}
          columns={columns}
          id={(one) => one.documentId}
          to={(one) => `/documents/${one.documentId}`}
        />
      )}
      {query.hasNextPage && (
        <Group>
          <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            {t.common.more}
          </Button>
        </Group>
      )}
      {first && (
        <Text size="xs" c="dimmed">
          {t.accounts.root(moment(first.asOf, language))} <span className="code">{first.root}</span>
        </Text>
      )}
      <Link href="/documents?kind=invoice">{t.accounts.invoices}</Link>
    </Stack>
  );
}

function Sums({ one, amount }: { one: Balance; amount: (minor: bigint, currency: string) => string }) {
  const { t } = useWords();
  const side = (name: string, all: bigint, disputed: bigint, ages: bigint[]) =>
    all === 0n ? null : (
      <Stack gap={4}>
        <Group justify="space-between">
          <Text size="sm">{name}</Text>
          <Text fw={600}>{amount(all, one.currency)}</Text>
        </Group>
        <Progress.Root size={14}>
          {ages.map((part, age) =>
            part > 0n ? (
              <Progress.Section
                key={t.accounts.ages[age]}
                value={Number((part * 1_000n) / all) / 10}
                color={colors[age]}
                aria-label={`${name}: ${t.accounts.ages[age]} ${amount(part, one.currency)}`}
              />
            ) : null,
          )}
        </Progress.Root>
        <Text size="xs">
          {ages
            .flatMap((part, age) => (part > 0n ? [`${t.accounts.ages[age]} ${amount(part, one.currency)}`] : []))
            .join(' · ')}
        </Text>
        {disputed > 0n && (
          <Text size="xs">
            {t.accounts.disputed}: {amount(disputed, one.currency)}
          </Text>
        )}
      </Stack>
    );
  return (
    <Card withBorder>
      <Stack>
        <Group justify="space-between">
          <Title order={2} size="h4">
            {one.currency}
          </Title>
          <Text fw={700}>{t.accounts.balance(amount(one.balance, one.currency))}</Text>
        </Group>
        {side(t.accounts.toUs, one.receivable, one.receivableDisputed, one.receivableAges)}
        {side(t.accounts.byUs, one.payable, one.payableDisputed, one.payableAges)}
      </Stack>
    </Card>
  );
}
