// Which of our members are in a partner's pool too: what it would cost, how far it is, and what came of it.
import {
  Alert,
  Badge,
  Button,
  Card,
  Group,
  NativeSelect,
  Progress,
  SimpleGrid,
  Stack,
  Text,
  Title,
} from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearch } from 'wouter';
import { moment, number } from '../format';
import { type Match, type MatchedMember, MatchMode } from '../gen/hansa/members/v1/staff_pb';
import { useWords } from '../i18n';
import { members } from '../rpc-people';
import { person } from '../session';
import { useAct } from '../ui/act';
import { PartnerChoice, usePartners } from '../ui/partner';
import { PoolChoice } from '../ui/pool';
import { Empty, Loaded, More, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';
import { WriteTo } from '../ui/write-to';

const SOON = 1_500;

export function Matches() {
  const { t } = useWords();
  const id = new URLSearchParams(useSearch()).get('id');
  const query = useQuery({
    queryKey: ['match'],
    queryFn: () => members.listMatches({}),
    refetchInterval: ({ state }) => (state.data?.matches.some((one) => one.state === 'running') ? SOON : false),
  });
  return (
    <Loaded query={query}>
      {({ matches }) => {
        const one = matches.find((match) => match.id === id);
        return one ? (
          <Whole match={one} />
        ) : (
          <Stack>
            {person()?.may.includes('pool.share') && <New />}
            {matches.length === 0 ? <Empty>{t.matches.none}</Empty> : <AllMatches matches={matches} />}
          </Stack>
        );
      }}
    </Loaded>
  );
}

function useModes() {
  const { t } = useWords();
  return (mode: MatchMode) => t.matches.modes[MatchMode[mode] as keyof typeof t.matches.modes] ?? '';
}

function StateBadge({ match }: { match: Match }) {
  const { t } = useWords();
  const colors: Record<string, string> = { running: 'blue', done: 'teal', failed: 'red' };
  const name = t.matches.states[match.state as keyof typeof t.matches.states] ?? match.state;
  return <Badge color={colors[match.state]}>{name}</Badge>;
}

/** How many were found, as far as it may be told. */
function useFound() {
  const { t, language } = useWords();
  return (match: Match) =>
    match.fewerThan > 0n
      ? t.matches.fewer(number(match.fewerThan, language))
      : match.mode === MatchMode.COUNT && match.state !== 'done'
        ? ''
        : number(match.matched, language);
}

function AllMatches({ matches }: { matches: Match[] }) {
  const { t, language } = useWords();
  const [partners, modes, found] = [usePartners(), useModes(), useFound()];
  const columns: Column<Match>[] = [
    {
      name: t.links.partner,
      show: (one) => `${partners.name(one.linkId)} · ${one.partnerPool}`,
      text: (one) => `${partners.name(one.linkId)} ${one.partnerPool}`,
    },
    { name: t.pools.ourPool, show: (one) => one.pool, text: (one) => one.pool },
    { name: t.pools.purpose, show: (one) => one.purpose, text: (one) => one.purpose },
    { name: t.matches.mode, show: (one) => modes(one.mode), text: (one) => modes(one.mode) },
    { name: t.links.state, show: (one) => <StateBadge match={one} />, text: (one) => one.state },
    { name: t.matches.matched, show: found, text: found, number: true },
    { name: t.matches.begun, show: (one) => moment(one.begunAt, language), text: (one) => moment(one.begunAt, 'en') },
  ];
  return (
    <List
      label={t.pools.matches}
      rows={matches}
      columns={columns}
      id={(one) => one.id}
      to={(one) => `/pools?tab=matches&id=${one.id}`}
    />
  );
}

function New() {
  const { t, language } = useWords();
  const [modes, partners] = [useModes(), usePartners()];
  const [linkId, setLinkId] = useState('');
  const [offer, setOffer] = useState('');
  const [pool, setPool] = useState('');
  const [mode, setMode] = useState<MatchMode>(MatchMode.UNSPECIFIED);
  const offers = partners.all.find((link) => link.id === linkId)?.received?.pools ?? [];
  const chosen = offers.find((one) => `${one.pool}/${one.purpose}` === offer);
  const both = chosen && { linkId, partnerPool: chosen.pool, purpose: chosen.purpose, pool };
  const estimate = useAct(
    () => members.estimateMatch(both ?? {}),
    [],
    ({ modes: all }) => setMode(all[0] ?? MatchMode.UNSPECIFIED),
  );
  const start = useAct(
    () => members.startMatch({ ...both, mode }),
    ['match'],
    () => estimate.reset(),
  );
  const told = estimate.data;
  const figures: [string, bigint][] = told
    ? [
        [t.matches.listed, told.listed],
        [t.matches.evaluations, told.evaluations],
        [t.matches.left, told.evaluationsLeft],
        [t.matches.kilobytes, told.bytes / 1024n],
      ]
    : [];
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {t.matches.begin}
        </Title>
        <Text size="sm">{t.matches.about}</Text>
        <Group align="flex-end">
          <PartnerChoice
            value={linkId}
            change={(next) => {
              setLinkId(next);
              setOffer('');
              estimate.reset();
            }}
          />
          <NativeSelect
            label={t.matches.theirs}
            data={[
              { value: '', label: linkId && offers.length === 0 ? t.matches.noOffer : '' },
              ...offers.map((one) => ({
                value: `${one.pool}/${one.purpose}`,
                label: `${one.pool} · ${one.purpose}`,
              })),
            ]}
            value={offer}
            onChange={(event) => {
              setOffer(event.currentTarget.value);
              estimate.reset();
            }}
          />
          <PoolChoice
            value={pool}
            change={(next) => {
              setPool(next);
              estimate.reset();
            }}
          />
          <Button
            variant="default"
            disabled={!chosen || pool === ''}
            loading={estimate.isPending}
            onClick={() => estimate.mutate(undefined)}
          >
            {t.matches.estimate}
          </Button>
        </Group>
        {estimate.isError && <Refused error={estimate.error} />}
        {told && (
          <>
            <SimpleGrid cols={{ base: 2, sm: 4 }}>
              {figures.map(([name, value]) => (
                <Card withBorder key={name} padding="sm">
                  <Text size="sm">{name}</Text>
                  <Text fw={700}>{number(value, language)}</Text>
                </Card>
              ))}
            </SimpleGrid>
            <Group align="flex-end">
              <NativeSelect
                label={t.matches.mode}
                data={told.modes.map((one) => ({ value: String(one), label: modes(one) }))}
                value={String(mode)}
                onChange={(event) => setMode(Number(event.currentTarget.value))}
              />
              <Button loading={start.isPending} onClick={() => start.mutate(undefined)}>
                {t.matches.start}
              </Button>
            </Group>
            {start.isError && <Refused error={start.error} />}
          </>
        )}
      </Stack>
    </Card>
  );
}

function Whole({ match }: { match: Match }) {
  const { t, language } = useWords();
  const [partners, modes, found] = [usePartners(), useModes(), useFound()];
  const asked = match.listed > 0n ? Number((100n * match.evaluated) / match.listed) : 0;
  const figures: [string, string][] = [
    [t.matches.listed, number(match.listed, language)],
    [t.matches.evaluated, number(match.evaluated, language)],
    [t.matches.matched, found(match)],
    [t.matches.released, number(match.released, language)],
  ];
  return (
    <Stack>
      <Link href="/pools?tab=matches">{t.matches.all}</Link>
      <Group gap="xs" role="status">
        <Text fw={600}>
          {partners.name(match.linkId)} · {match.partnerPool} · {match.purpose}
        </Text>
        <StateBadge match={match} />
        <Text size="sm">{modes(match.mode)}</Text>
      </Group>
      {match.state === 'running' && <Progress value={asked} aria-label={t.matches.evaluated} animated striped />}
      {match.text && (
        <Alert color={match.state === 'failed' ? 'red' : 'yellow'} title={match.reason}>
          {match.text}
        </Alert>
      )}
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        {figures.map(([name, value]) => (
          <Card withBorder key={name} padding="sm">
            <Text size="sm">{name}</Text>
            <Text fw={700} size="xl">
              {value}
            </Text>
          </Card>
        ))}
      </SimpleGrid>
      {match.mode !== MatchMode.COUNT && match.state === 'done' && <Found match={match} />}
    </Stack>
  );
}

function Found({ match }: { match: Match }) {
  const { t, language } = useWords();
  const { linkId, partnerPool, purpose, pool } = match;
  const query = useInfiniteQuery({
    queryKey: ['matched', match.id],
    queryFn: ({ pageParam }) => members.listMatched({ linkId, partnerPool, purpose, pool, after: pageParam }),
    initialPageParam: 0n,
    getNextPageParam: (last) => last.nextAfter || undefined,
  });
  const all = query.data?.pages.flatMap((page) => page.members) ?? [];
  const names = [...new Set(all.flatMap((one) => Object.keys(one.fields)))].sort();
  const columns: Column<MatchedMember>[] = [
    { name: t.pools.number, show: (one) => String(one.number), text: (one) => String(one.number) },
    ...names.map((name) => ({
      name,
      show: (one: MatchedMember) => one.fields[name] ?? '',
      text: (one: MatchedMember) => one.fields[name] ?? '',
    })),
    {
      name: t.matches.deleteBy,
      show: (one) => moment(one.deleteBy, language),
      text: (one) => moment(one.deleteBy, 'en'),
    },
  ];
  if (query.isError) return <Refused error={query.error} retry={() => query.refetch()} />;
  if (!query.isPending && all.length === 0) return <Empty>{t.matches.nobody}</Empty>;
  return (
    <Stack gap="xs">
      {person()?.may.includes('outreach.write') && all.length > 0 && (
        <Group justify="flex-end">
          <WriteTo match={match} />
        </Group>
      )}
      <List label={t.matches.matched} rows={all} columns={columns} id={(one) => String(one.number)} />
      <More query={query} />
    </Stack>
  );
}
