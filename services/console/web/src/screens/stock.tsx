// Stock: ours, and what partners show of theirs.

import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Badge, Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link, useSearch } from 'wouter';
import { number, quantity } from '../format';
import type { Level, PartnerHold } from '../gen/hansa/inventory/v1/staff_pb';
import { type Availability, ReservationState } from '../gen/hansa/inventory/v1/types_pb';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { person } from '../session';
import { AskedButton, FormButton, useAct } from '../ui/act';
import { AddressTabs } from '../ui/address-tabs';
import { ItemSearch, itemOf, LevelForm } from '../ui/item';
import { Empty, Loaded, Page, Paged, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';
import { Articles } from './articles';
import { Low } from './low';
import { Movements, Places } from './movements';

export default function Stock() {
  const { t } = useWords();
  const tabs = [
    { value: 'ours', name: t.stock.ours, show: () => <Ours /> },
    { value: 'articles', name: t.articles.title, show: () => <Articles /> },
    { value: 'partners', name: t.stock.partners, show: () => <Partners /> },
    { value: 'held', name: t.stock.held, show: () => <Held /> },
    { value: 'low', name: t.figures.low.title, show: () => <Low /> },
    { value: 'movements', name: t.movements.title, show: () => <Movements /> },
    { value: 'places', name: t.movements.places, show: () => <Places /> },
  ];
  return (
    <Page
      title={t.nav.stock}
      actions={
        person()?.may.includes('stock.write') && (
          <Button component={Link} href="/import" variant="default">
            {t.import.title}
          </Button>
        )
      }
    >
      <AddressTabs path="/stock" tabs={tabs} />
    </Page>
  );
}

function Ours() {
  const { t, language } = useWords();
  const asked = new URLSearchParams(useSearch()).get('item') ?? '';
  const query = useInfiniteQuery({
    queryKey: ['level', asked],
    queryFn: ({ pageParam }) => inventory.listLevels({ page: pageParam, item: asked ? itemOf(asked) : undefined }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
  });
  const columns: Column<Level>[] = [
    { name: t.stock.article, show: (row) => row.name || row.sku, text: (row) => row.name },
    {
      name: t.stock.sku,
      show: (row) => (
        <Link className="code" href={`/stock?tab=movements&item=${encodeURIComponent(row.sku)}`}>
          {row.sku}
        </Link>
      ),
      text: (row) => row.sku,
    },
    { name: t.stock.gtin, show: (row) => <span className="code">{row.gtin}</span>, text: (row) => row.gtin },
    {
      name: t.stock.place,
      show: (row) => [row.location, row.lot].filter(Boolean).join(' · '),
      text: (row) => row.location,
    },
    {
      name: t.stock.onHand,
      show: (row) => <b>{quantity(row.onHand, language)}</b>,
      text: (row) => quantity(row.onHand, 'en'),
      number: true,
    },
    {
      name: t.stock.reserved,
      show: (row) => quantity(row.reserved, language),
      text: (row) => quantity(row.reserved, 'en'),
      number: true,
    },
    {
      name: t.stock.incoming,
      show: (row) => quantity(row.incoming, language),
      text: (row) => quantity(row.incoming, 'en'),
      number: true,
    },
    {
      name: t.figures.low.safety,
      show: (row) => (row.safetyStock?.value ? quantity(row.safetyStock, language) : ''),
      text: (row) => quantity(row.safetyStock, 'en'),
      number: true,
    },
    {
      name: t.stock.short,
      show: (row) =>
        row.short && row.short.value > 0n ? <Badge color="red">{quantity(row.short, language)}</Badge> : '',
      text: (row) => quantity(row.short, 'en'),
      number: true,
    },
  ];
  return (
    <Stack>
      <ItemSearch tab="ours" all>
        {person()?.may.includes('stock.write') && <Count />}
        {person()?.may.includes('stock.audit') && <Check />}
      </ItemSearch>
      <Paged query={query} rows={query.data?.pages.flatMap((page) => page.levels)} none={t.stock.none}>
        {(rows) => (
          <List
            label={t.stock.ours}
            rows={rows}
            columns={columns}
            id={(row) => `${row.sku}/${row.location}/${row.lot}`}
          />
        )}
      </Paged>
    </Stack>
  );
}

function Count() {
  const { t } = useWords();
  return (
    <LevelForm
      label={t.stock.count}
      units={t.stock.counted}
      work={({ units, ...level }) => inventory.countStock({ ...level, onHand: { value: units, scale: 0, unit: '' } })}
    />
  );
}

function Check() {
  const { t, language } = useWords();
  const check = useAct(() => inventory.auditStock({}), []);
  const said = check.data;
  return (
    <>
      <Button variant="default" loading={check.isPending} onClick={() => check.mutate()}>
        {t.stock.audit}
      </Button>
      {check.isError && <Refused error={check.error} />}
      {said && (
        <Text size="sm" role="status">
          {said.differences.length === 0
            ? t.stock.addsUp(number(said.levels, language), number(said.movements, language))
            : said.differences.join('; ')}
        </Text>
      )}
    </>
  );
}

interface Found {
  link: string;
  partner: string;
  failure: string;
  one?: Availability;
}

function Partners() {
  const { t, language } = useWords();
  const asked = new URLSearchParams(useSearch()).get('item') ?? '';
  const query = useQuery({
    queryKey: ['partner-stock', asked],
    queryFn: () => inventory.queryPartners({ items: [itemOf(asked)] }),
    enabled: asked !== '',
    refetchInterval: 5_000,
  });
  const now = useNow();
  const rows: Found[] = (query.data?.answers ?? []).flatMap((answer) =>
    answer.failure
      ? [{ link: answer.linkId, partner: answer.partner, failure: answer.failureText || answer.failure }]
      : answer.availabilities.map((one) => ({ link: answer.linkId, partner: answer.partner, failure: '', one })),
  );
  const figure = (row: Found) => {
    const shown = row.one?.figure;
    if (!shown?.case) return t.stock.hidden;
    if (shown.case === 'exact') return quantity(shown.value, language);
    if (shown.case === 'band') return shown.value === 0n ? t.stock.low : `${number(shown.value, language)}+`;
    return shown.value ? t.stock.inStock : t.stock.outOfStock;
  };
  const columns: Column<Found>[] = [
    { name: t.links.partner, show: (row) => row.partner, text: (row) => row.partner },
    {
      name: t.stock.sku,
      show: (row) => <span className="code">{row.one?.sku ?? ''}</span>,
      text: (row) => row.one?.sku ?? '',
    },
    {
      name: t.stock.available,
      show: (row) => (row.failure ? <Text size="sm">{row.failure}</Text> : <b>{figure(row)}</b>),
      text: (row) => row.failure || figure(row),
    },
    {
      name: t.stock.asOf,
      show: () => t.stock.secondsOld(Math.max(0, Math.round((now - query.dataUpdatedAt) / 1_000))),
    },
    {
      name: t.stock.reserve,
      show: (row) => (row.one && person()?.may.includes('stock.order') ? <Reserve row={row} item={asked} /> : ''),
    },
  ];
  return (
    <Stack>
      <ItemSearch tab="partners" submit={t.stock.askAll} />
      {asked === '' ? (
        <Empty>{t.stock.askHint}</Empty>
      ) : (
        <Loaded query={query}>
          {() =>
            rows.length === 0 ? (
              <Empty>{t.stock.nobodyHas}</Empty>
            ) : (
              <List
                label={t.stock.partners}
                rows={rows}
                columns={columns}
                id={(row) => `${row.link}/${row.one?.sku}/${row.one?.location}`}
              />
            )
          }
        </Loaded>
      )}
    </Stack>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Reserve({ row, item }: { row: Found; item: string }) {
  const { t } = useWords();
  const [units, setUnits] = useState<number | string>(1);
  // The same one when it is sent again: it happens once.
  const [id, setId] = useState(() => crypto.randomUUID());
  return (
    <FormButton
      size="xs"
      variant="light"
      label={t.stock.reserve}
      title={t.stock.reserveAt(row.partner)}
      touched={['hold', 'partner-stock']}
      work={() =>
        inventory.reserveAtPartner({
          linkId: row.link,
          id,
          lines: [{ item: itemOf(item), quantity: { value: BigInt(Number(units) || 0), scale: 0, unit: '' } }],
        })
      }
      done={() => setId(crypto.randomUUID())}
    >
      <NumberInput
        label={t.stock.units}
        min={1}
        allowDecimal={false}
        value={units}
        onChange={setUnits}
        data-autofocus
      />
    </FormButton>
  );
}

function Held() {
  const { t, language } = useWords();
  const now = useNow();
  const query = useQuery({
    queryKey: ['hold'],
    queryFn: () => inventory.listPartnerReservations({}),
    refetchInterval: 5_000,
  });
  const act = (row: PartnerHold) => ({ linkId: row.linkId, id: row.reservation?.id ?? '' });
  const columns: Column<PartnerHold>[] = [
    {
      name: t.stock.article,
      show: (row) =>
        row.reservation?.lines
          .map((line) => `${line.item?.ref.value} × ${quantity(line.quantity, language)}`)
          .join(', '),
      text: (row) =>
        row.reservation?.lines.map((line) => `${line.item?.ref.value} x ${quantity(line.quantity, 'en')}`).join('; ') ??
        '',
    },
    {
      name: t.links.state,
      show: (row) => (
        <Badge>
          {t.stock.holdStates[ReservationState[row.reservation?.state ?? 0] as keyof typeof t.stock.holdStates]}
        </Badge>
      ),
      text: (row) => ReservationState[row.reservation?.state ?? 0] ?? '',
    },
    {
      name: t.stock.ends,
      show: (row) => {
        const end = row.reservation?.expiresAt;
        if (row.reservation?.state !== ReservationState.HELD || !end) return '';
        const left = Math.max(0, Math.round((timestampDate(end).getTime() - now) / 1000));
        return <span className="number">{`${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`}</span>;
      },
    },
    {
      name: t.stock.ways,
      show: (row) =>
        row.reservation?.state === ReservationState.HELD && person()?.may.includes('stock.order') ? (
          <Group gap={6}>
            <AskedButton
              size="xs"
              label={t.stock.confirm}
              warning={t.stock.confirmText}
              touched={['hold']}
              work={() => inventory.confirmAtPartner(act(row))}
            />
            <AskedButton
              size="xs"
              variant="default"
              label={t.stock.release}
              warning={t.stock.releaseText}
              touched={['hold']}
              work={() => inventory.releaseAtPartner(act(row))}
            />
          </Group>
        ) : (
          ''
        ),
    },
  ];
  return (
    <Loaded query={query}>
      {(answer) =>
        answer.reservations.length === 0 ? (
          <Empty>{t.stock.noHolds}</Empty>
        ) : (
          <List
            label={t.stock.held}
            rows={answer.reservations}
            columns={columns}
            id={(row) => `${row.linkId}/${row.reservation?.id}`}
          />
        )
      }
    </Loaded>
  );
}
