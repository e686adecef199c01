// What was bought from and sold to whom, month by month.
import { Group, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { useLocation, useSearch } from 'wouter';
import { digitsOf, money, number } from '../format';
import type { Turnover as Month } from '../gen/hansa/procurement/v1/account_pb';
import { useWords } from '../i18n';
import { accounts } from '../rpc-trade';
import { monthsIn } from '../ui/calendar';
import { Empty, Loaded, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const Bars = lazy(() => import('../ui/bars'));
const Columns = lazy(() => import('../ui/columns'));

type Sums = Pick<Month, 'bought' | 'sold' | 'documents'>;

/** Sums by what is named, in the order in which it comes first. */
function sumsBy(months: Month[], name: (one: Month) => string): [string, Sums][] {
  const sums = new Map<string, Sums>();
  for (const one of months) {
    const before = sums.get(name(one)) ?? { bought: 0n, sold: 0n, documents: 0n };
    sums.set(name(one), {
      bought: before.bought + one.bought,
      sold: before.sold + one.sold,
      documents: before.documents + one.documents,
    });
  }
  return [...sums];
}

export function Turnover() {
  const { t } = useWords();
  const words = t.figures.turnover;
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const [from, to] = [search.get('from') ?? '', search.get('to') ?? ''];
  const side = search.get('side') === 'sold' ? 'sold' : 'bought';
  const ask = (changed: Record<string, string>) =>
    go(`/accounts?${new URLSearchParams({ tab: 'turnover', from, to, side, ...changed })}`);
  const query = useQuery({
    queryKey: ['document', 'turnover', from, to],
    // Half a span is no span: until the other month is chosen, the last twelve are shown.
    queryFn: () => accounts.getTurnover(from && to ? { from, to } : {}),
  });
  const month = (name: 'from' | 'to') => (
    <TextInput
      type="month"
      label={words[name]}
      value={search.get(name) ?? query.data?.[name] ?? ''}
      onChange={(event) =>
        ask({ from: from || query.data?.from || '', to: to || query.data?.to || '', [name]: event.currentTarget.value })
      }
    />
  );
  return (
    <Stack>
      <Group align="flex-end">
        {month('from')}
        {month('to')}
        <NativeSelect
          label={t.figures.drawn}
          data={[
            { value: 'bought', label: words.bought },
            { value: 'sold', label: words.sold },
          ]}
          value={side}
          onChange={(event) => ask({ side: event.currentTarget.value })}
        />
      </Group>
      <Loaded query={query}>
        {({ turnovers, ...span }) =>
          turnovers.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            [...new Set(turnovers.map((one) => one.currency))].map((currency) => (
              <Currency
                key={currency}
                currency={currency}
                side={side}
                span={span}
                months={turnovers.filter((one) => one.currency === currency)}
              />
            ))
          )
        }
      </Loaded>
      <Text size="xs" c="dimmed">
        {words.about}
      </Text>
    </Stack>
  );
}

interface Drawn {
  currency: string;
  side: 'bought' | 'sold';
  span: { from: string; to: string };
  months: Month[];
}

function Currency({ currency, side, span, months }: Drawn) {
  const { t, language } = useWords();
  const words = t.figures.turnover;
  const minor = (value: bigint | number) =>
    money(BigInt(Math.round(Number(value))), digitsOf(currency), currency, language);
  const partners = sumsBy(months, (one) => one.partner || (one.linkId ? one.linkId : words.others));
  const drawn = partners.filter(([, sums]) => sums[side] !== 0n);
  drawn.sort(([, one], [, other]) => Number(other[side] - one[side]));
  const columns: Column<[string, Sums]>[] = [
    { name: t.links.partner, show: ([name]) => name, text: ([name]) => name },
    ...(['bought', 'sold'] as const).map((name) => ({
      name: words[name],
      show: ([, sums]: [string, Sums]) => minor(sums[name]),
      text: ([, sums]: [string, Sums]) => minor(sums[name]),
      number: true,
    })),
    {
      name: words.documents,
      show: ([, sums]) => number(sums.documents, language),
      text: ([, sums]) => sums.documents.toString(),
      number: true,
    },
  ];
  const ofMonth = new Map(sumsBy(months, (one) => one.month));
  const overTime = monthsIn(span.from, span.to).map((name) => {
    const { bought, sold } = ofMonth.get(name) ?? { bought: 0n, sold: 0n };
    return { name, values: [Number(bought), Number(sold)] };
  });
  return (
    <Stack>
      <Title order={2} size="h4">
        {words.by(words[side], currency)}
      </Title>
      <Suspense fallback={<Waiting />}>
        {drawn.length > 0 && (
          <Bars
            label={words.by(words[side], currency)}
            figures={drawn.map(([name, sums]) => ({ name, value: Number(sums[side]) }))}
            write={minor}
          />
        )}
        <Columns label={t.figures.months} names={[words.bought, words.sold]} instants={overTime} write={minor} />
      </Suspense>
      <List label={`${words.title}, ${currency}`} rows={partners} columns={columns} id={([name]) => name} />
    </Stack>
  );
}
