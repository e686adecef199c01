// What a member has: points and coupons, and how each came and went.
import { Badge, Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { moment, number } from '../format';
import type { Coupon, PointsEntry } from '../gen/hansa/loyalty/v1/staff_pb';
import { useWords } from '../i18n';
import { loyalty } from '../rpc-people';
import { person } from '../session';
import { AskedButton } from './act';
import { usePartners } from './partner';
import { Refused } from './states';
import { type Column, List } from './table';

/** Of a member of a pool of ours. */
interface Whose {
  pool: string;
  member: bigint;
}

export function Benefits(whose: Whose) {
  return (
    <>
      <Points {...whose} />
      <Coupons {...whose} />
    </>
  );
}

function Points({ pool, member }: Whose) {
  const { t, language } = useWords();
  const words = t.loyalty;
  const partners = usePartners();
  // A pool without points is not asked for them.
  const programs = useQuery({ queryKey: ['program'], queryFn: () => loyalty.listPrograms({}) });
  const has = programs.data?.programs.some((one) => one.pool === pool) ?? false;
  const query = useQuery({
    queryKey: ['booking', 'points', pool, String(member)],
    queryFn: () => loyalty.getPoints({ pool, number: member }),
    enabled: has,
  });
  if (query.isError) return <Refused error={query.error} />;
  if (!query.data) return null;
  const { unit, balance, held, entries } = query.data;
  const cause = (one: PointsEntry) => words.causes[one.cause as keyof typeof words.causes] ?? one.cause;
  const columns: Column<PointsEntry>[] = [
    { name: words.at, show: (one) => moment(one.at, language), text: (one) => moment(one.at, 'en') },
    { name: words.cause, show: cause, text: cause },
    { name: t.links.partner, show: (one) => partners.name(one.linkId), text: (one) => partners.name(one.linkId) },
    { name: unit, show: (one) => number(one.points, language), text: (one) => String(one.points), number: true },
    {
      name: words.balance,
      show: (one) => number(one.balance, language),
      text: (one) => String(one.balance),
      number: true,
    },
  ];
  return (
    <Stack gap="xs">
      <Title order={3} size="h5">
        {words.balanceOf(number(balance, language), unit)}
      </Title>
      {held > 0n && <Text size="sm">{words.heldOf(number(held, language))}</Text>}
      {entries.length > 0 && (
        <List
          label={unit}
          rows={entries}
          columns={columns}
          id={(one) => `${one.bookingId}/${one.cause}/${one.at?.nanos}`}
        />
      )}
    </Stack>
  );
}

function Coupons({ pool, member }: Whose) {
  const { t, language } = useWords();
  const words = t.loyalty;
  const query = useQuery({
    queryKey: ['coupon', pool, String(member)],
    queryFn: () => loyalty.listCoupons({ pool, number: member }),
  });
  const coupons = query.data?.coupons ?? [];
  if (query.isError) return <Refused error={query.error} />;
  if (coupons.length === 0) return null;
  const state = (one: Coupon) => words.couponStates[one.state as keyof typeof words.couponStates] ?? one.state;
  const columns: Column<Coupon>[] = [
    { name: words.benefit, show: (one) => one.benefit, text: (one) => one.benefit },
    { name: words.code, show: (one) => <span className="code">{one.code}</span>, text: (one) => one.code },
    {
      name: t.links.state,
      show: (one) => <Badge color={one.state === 'issued' ? 'teal' : 'gray'}>{state(one)}</Badge>,
      text: state,
    },
    { name: words.to, show: (one) => moment(one.validUntil, language), text: (one) => moment(one.validUntil, 'en') },
    {
      name: t.stock.ways,
      show: (one) =>
        one.state === 'issued' && person()?.may.includes('loyalty.write') ? (
          <AskedButton
            size="xs"
            variant="default"
            label={words.withdraw}
            warning={words.withdrawText}
            touched={['coupon']}
            work={() => loyalty.withdrawCoupon({ kind: one.kind, serial: one.serial })}
          />
        ) : (
          ''
        ),
    },
  ];
  return (
    <Stack gap="xs">
      <Group>
        <Title order={3} size="h5">
          {words.coupons}
        </Title>
      </Group>
      <List label={words.coupons} rows={coupons} columns={columns} id={(one) => `${one.kind}/${one.serial}`} />
    </Stack>
  );
}
