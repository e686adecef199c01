// What was booked with coupons and points, and what we and a partner owe each other for it.
import { Alert, Badge, Group, NativeSelect, Stack, Switch, Text, TextInput, Title } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useLocation, useSearch } from 'wouter';
import { digitsOf, moment, money, number } from '../format';
import type { LinkBooking, SettlementDifference } from '../gen/hansa/loyalty/v1/staff_pb';
import { BookingKind, BookingState, type SettlementTotal } from '../gen/hansa/loyalty/v1/types_pb';
import { useWords } from '../i18n';
import { loyalty } from '../rpc-people';
import { person } from '../session';
import { AskedButton } from '../ui/act';
import { PartnerChoice, usePartners } from '../ui/partner';
import { Empty, Loaded, Paged } from '../ui/states';
import { type Column, List } from '../ui/table';

const PAGE = 100;

function useKindName() {
  const { t } = useWords();
  return (kind: BookingKind) => t.loyalty.kinds[BookingKind[kind] as keyof typeof t.loyalty.kinds] ?? '';
}

export function Bookings() {
  const { t, language } = useWords();
  const words = t.loyalty;
  const [, go] = useLocation();
  const atPartners = new URLSearchParams(useSearch()).has('at_partners');
  const [partners, kind] = [usePartners(), useKindName()];
  const query = useInfiniteQuery({
    queryKey: ['booking', atPartners],
    queryFn: ({ pageParam }) => loyalty.listBookings({ atPartners, before: pageParam, pageSize: PAGE }),
    initialPageParam: '',
    getNextPageParam: ({ bookings }) => (bookings.length < PAGE ? undefined : bookings.at(-1)?.booking?.id),
  });
  const state = (one: LinkBooking) =>
    words.states[BookingState[one.booking?.state ?? 0] as keyof typeof words.states] ?? '';
  const amount = (minor: bigint | undefined, currency = 'EUR') =>
    money(minor ?? 0n, digitsOf(currency), currency, language);
  const columns: Column<LinkBooking>[] = [
    {
      name: words.what,
      show: ({ booking }) => booking?.benefit || kind(booking?.kind ?? 0),
      text: ({ booking }) => booking?.benefit || kind(booking?.kind ?? 0),
    },
    {
      name: t.links.partner,
      show: (one) => (one.linkId ? partners.name(one.linkId) : words.ours),
      text: (one) => (one.linkId ? partners.name(one.linkId) : words.ours),
    },
    {
      name: t.links.state,
      show: (one) => (
        <Badge color={one.booking?.state === BookingState.CONFIRMED ? 'teal' : 'gray'}>{state(one)}</Badge>
      ),
      text: state,
    },
    {
      name: words.discount,
      show: ({ booking }) => amount(booking?.discount, booking?.currency),
      text: ({ booking }) => amount(booking?.discount, booking?.currency),
      number: true,
    },
    {
      name: words.points,
      show: ({ booking }) => (booking?.points ? number(booking.points, language) : ''),
      text: ({ booking }) => String(booking?.points ?? 0n),
      number: true,
    },
    { name: words.orderRef, show: ({ booking }) => booking?.orderRef, text: ({ booking }) => booking?.orderRef ?? '' },
    {
      name: words.confirmedAt,
      show: ({ booking }) => moment(booking?.confirmedAt, language),
      text: ({ booking }) => moment(booking?.confirmedAt, 'en'),
    },
    {
      name: t.stock.ways,
      show: (one) =>
        one.booking?.state === BookingState.CONFIRMED && person()?.may.includes('loyalty.book') ? (
          <AskedButton
            size="xs"
            variant="default"
            label={words.reverse}
            warning={words.reverseText}
            reason
            touched={['booking']}
            work={(reason) =>
              loyalty.reverseBooking({ id: one.booking?.id, linkId: atPartners ? one.linkId : '', reason })
            }
          />
        ) : (
          ''
        ),
    },
  ];
  return (
    <Stack>
      <Switch
        label={words.atPartners}
        checked={atPartners}
        onChange={(event) => go(`/loyalty?tab=bookings${event.currentTarget.checked ? '&at_partners' : ''}`)}
      />
      <Paged query={query} rows={query.data?.pages.flatMap(({ bookings }) => bookings)} none={words.noBookings}>
        {(rows) => (
          <List label={words.bookings} rows={rows} columns={columns} id={(one) => `${one.linkId}/${one.booking?.id}`} />
        )}
      </Paged>
    </Stack>
  );
}

/** The month before this one, in UTC. */
function lastMonth(): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 7);
}

export function Settlement() {
  const { t, language } = useWords();
  const words = t.loyalty;
  const kind = useKindName();
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const [linkId, month] = [search.get('partner') ?? '', search.get('month') ?? lastMonth()];
  const theirs = search.get('side') === 'partner';
  const ask = (changed: Record<string, string>) =>
    go(
      `/loyalty?${new URLSearchParams({ tab: 'settlement', partner: linkId, month, side: theirs ? 'partner' : 'ours', ...changed })}`,
    );
  const query = useQuery({
    queryKey: ['booking', 'settlement', linkId, month, theirs],
    queryFn: () => loyalty.checkSettlement({ linkId, month, partnerIssues: theirs }),
    enabled: linkId !== '' && month !== '',
  });
  const amount = (minor: bigint, one: SettlementTotal) => money(minor, digitsOf(one.currency), one.currency, language);
  const columns: Column<SettlementTotal>[] = [
    { name: words.what, show: (one) => kind(one.kind), text: (one) => kind(one.kind) },
    {
      name: words.booked,
      show: (one) => number(one.booked, language),
      text: (one) => String(one.booked),
      number: true,
    },
    {
      name: words.reversed,
      show: (one) => number(one.reversed, language),
      text: (one) => String(one.reversed),
      number: true,
    },
    {
      name: words.points,
      show: (one) => number(one.points, language),
      text: (one) => String(one.points),
      number: true,
    },
    {
      name: words.discount,
      show: (one) => amount(one.discount, one),
      text: (one) => amount(one.discount, one),
      number: true,
    },
    {
      name: theirs ? words.theyOwe : words.weOwe,
      show: (one) => <b>{amount(one.funded, one)}</b>,
      text: (one) => amount(one.funded, one),
      number: true,
    },
  ];
  return (
    <Stack>
      <Group align="flex-end">
        <PartnerChoice value={linkId} change={(partner) => ask({ partner })} />
        <TextInput
          type="month"
          label={words.month}
          value={month}
          onChange={(event) => ask({ month: event.currentTarget.value })}
        />
        <NativeSelect
          label={words.issuer}
          data={[
            { value: 'ours', label: words.weIssue },
            { value: 'partner', label: words.theyIssue },
          ]}
          value={theirs ? 'partner' : 'ours'}
          onChange={(event) => ask({ side: event.currentTarget.value })}
        />
      </Group>
      {linkId === '' ? (
        <Empty>{words.settlementHint}</Empty>
      ) : (
        <Loaded query={query}>
          {({ settlement, differences }) => (
            <Stack>
              {(settlement?.totals.length ?? 0) === 0 ? (
                <Empty>{words.nothingOwed}</Empty>
              ) : (
                <List
                  label={words.settlement}
                  rows={settlement?.totals ?? []}
                  columns={columns}
                  id={(one) => `${one.kind}/${one.currency}`}
                />
              )}
              {theirs && <Differences differences={differences} />}
              <Text size="sm">{words.settlementText}</Text>
            </Stack>
          )}
        </Loaded>
      )}
    </Stack>
  );
}

function Differences({ differences }: { differences: SettlementDifference[] }) {
  const { t, language } = useWords();
  const words = t.loyalty;
  if (differences.length === 0) return <Alert color="teal">{words.same}</Alert>;
  const side = (one: SettlementDifference['issuer']) =>
    one ? money(one.funded, digitsOf(one.currency), one.currency, language) : words.missing;
  const columns: Column<SettlementDifference>[] = [
    { name: words.booking, show: (one) => <span className="code">{one.bookingId}</span>, text: (one) => one.bookingId },
    { name: words.reversal, show: (one) => (one.reversal ? t.common.yes : ''), text: (one) => String(one.reversal) },
    { name: words.theirBooks, show: (one) => side(one.issuer), text: (one) => side(one.issuer), number: true },
    { name: words.ourBooks, show: (one) => side(one.ours), text: (one) => side(one.ours), number: true },
  ];
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {words.differences}
      </Title>
      <List
        label={words.differences}
        rows={differences}
        columns={columns}
        id={(one) => `${one.bookingId}/${one.reversal}`}
      />
    </Stack>
  );
}
