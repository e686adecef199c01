// How a link stands, and what a grant says, in plain words.
import { Badge, List as Bullets } from '@mantine/core';
import { type Link, LinkHealth } from '../gen/hansa/link/v1/staff_pb';
import { type Grant, LinkState, Visibility } from '../gen/hansa/link/v1/types_pb';
import { useWords } from '../i18n';
import { useKinds } from './kinds';

const colors: Partial<Record<LinkState, string>> = {
  [LinkState.ACTIVE]: 'teal',
  [LinkState.SUSPENDED]: 'yellow',
  [LinkState.REVOKED]: 'red',
  [LinkState.DECLINED]: 'red',
  [LinkState.EXPIRED]: 'gray',
};

export function LinkStateBadge({ state }: { state: LinkState }) {
  const { t } = useWords();
  const name = LinkState[state] as keyof typeof t.links.states;
  return <Badge color={colors[state] ?? 'blue'}>{t.links.states[name] ?? name}</Badge>;
}

export function HealthBadge({ link }: { link: Link }) {
  const { t } = useWords();
  if (link.state !== LinkState.ACTIVE || link.health === LinkHealth.UNSPECIFIED) return null;
  const [color, name] =
    link.health === LinkHealth.UP
      ? ['teal', t.links.up]
      : link.health === LinkHealth.SLOW
        ? ['yellow', t.links.slow]
        : ['red', t.links.down];
  return <Badge color={color}>{name}</Badge>;
}

/** What somebody sees and may do by a grant, one sentence a line. */
export function GrantWords({ grant }: { grant?: Grant }) {
  const { t } = useWords();
  const kinds = useKinds();
  const said: string[] = [];
  const sees = grant?.visibility ?? Visibility.NONE;
  said.push(
    sees === Visibility.EXACT
      ? t.grant.exact
      : sees === Visibility.BANDED
        ? t.grant.banded(grant?.bands.join(', ') ?? '')
        : sees === Visibility.YES_NO
          ? t.grant.yesNo
          : t.grant.nothing,
  );
  if (grant && sees > Visibility.NONE) {
    said.push(grant.skus.length > 0 ? t.grant.someArticles(grant.skus.length) : t.grant.allArticles);
    if (grant.locations.length > 0) said.push(t.grant.places(grant.locations.join(', ')));
    if (grant.safetyStock > 0n) said.push(t.grant.keptBack(String(grant.safetyStock)));
  }
  if (grant?.mayReserve) {
    said.push(t.grant.reserve(Math.round((grant.ttlMaxSeconds || 900) / 60)));
    if (grant.quantityMax > 0n) said.push(t.grant.lineMax(String(grant.quantityMax)));
  } else said.push(t.grant.noReserve);
  const papers = grant?.documentKinds.map((kind) => kinds.title(kind)) ?? [];
  said.push(papers.length > 0 ? t.grant.papers(papers.join(', ')) : t.grant.noPapers);
  for (const one of grant?.pools ?? []) {
    said.push(
      one.countsOnly ? t.grant.poolCounts(one.pool, one.purpose) : t.grant.poolMatch(one.pool, one.purpose),
      t.grant.poolAsks(String(one.evaluationsMax)),
    );
    if (one.mayJoin) said.push(t.grant.poolJoins(one.fields.join(', ') || t.grant.noFields, one.retentionDays));
  }
  for (const one of grant?.enrolments ?? []) said.push(t.grant.enrols(one.pool, one.perDayMax));
  for (const one of grant?.loyalty ?? []) said.push(t.grant.books(one.pool));
  for (const one of grant?.messages ?? []) said.push(t.grant.writes(one.pool, one.perMemberMax, one.withinDays));
  return (
    <Bullets size="sm" spacing={2}>
      {said.map((one) => (
        <Bullets.Item key={one}>{one}</Bullets.Item>
      ))}
    </Bullets>
  );
}
