// With whom which app is shared, in either direction: accept what is offered, say who uses it, end it.
import { Badge, Checkbox, Group, NativeSelect, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { moment } from '../format';
import type { App, Share } from '../gen/hansa/apps/v1/staff_pb';
import { useWords } from '../i18n';
import { apps } from '../rpc-apps';
import { person } from '../session';
import { AskedButton, FormButton } from '../ui/act';
import { useSaid } from '../ui/app';
import { AtTheEnd } from '../ui/ending';
import { useKinds } from '../ui/kinds';
import { usePartners } from '../ui/partner';
import { ReviewNote } from '../ui/review';
import { Empty, More, Refused, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const colors: Record<string, string> = { offered: 'orange', accepted: 'teal', declined: 'red', ended: 'gray' };
const roles = ['owner', 'admin', 'buyer', 'approver', 'store', 'marketer', 'support', 'auditor'];

export function Shares({ app = '' }: { app?: string }) {
  const { t, language } = useWords();
  const [location, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const state = search.get('state') ?? '';
  const states = (name: string) => t.apps.states[name as keyof typeof t.apps.states] ?? name;
  const query = useInfiniteQuery({
    queryKey: ['share', app, state],
    queryFn: ({ pageParam }) => apps.listShares({ app, state, page: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
  });
  const columns: Column<Share>[] = [
    { name: t.apps.app, show: (one) => one.app, text: (one) => one.app },
    { name: t.links.partner, show: (one) => one.partner, text: (one) => one.partner },
    {
      name: t.apps.direction,
      show: (one) => (one.given ? t.apps.given : t.apps.received),
      text: (one) => (one.given ? t.apps.given : t.apps.received),
    },
    {
      name: t.links.state,
      show: (one) => <Badge color={colors[one.state]}>{states(one.state)}</Badge>,
      text: (one) => states(one.state),
    },
    {
      name: t.apps.version,
      show: (one) => (one.version > 0 ? String(one.version) : t.apps.offeredVersion(one.offeredVersion)),
      text: (one) => String(one.version),
    },
    {
      name: t.apps.uses,
      show: (one) => [...one.roles, ...one.units].join(', ') || one.note,
      text: (one) => [...one.roles, ...one.units].join('; '),
    },
    { name: t.pools.since, show: (one) => moment(one.since, language), text: (one) => moment(one.since, 'en') },
    { name: t.stock.ways, show: (one) => <Ways share={one} /> },
  ];
  const rows = query.data?.pages.flatMap((page) => page.shares) ?? [];
  const data = ['', 'offered', 'accepted', 'declined', 'ended'].map((value) => ({
    value,
    label: value ? states(value) : t.home.all,
  }));
  return (
    <Stack>
      <Group>
        <NativeSelect
          label={t.links.state}
          data={data}
          value={state}
          onChange={(event) => {
            search.set('state', event.currentTarget.value);
            go(`${location}?${search}`);
          }}
        />
      </Group>
      {query.isPending && <Waiting />}
      {query.isError && <Refused error={query.error} retry={() => query.refetch()} />}
      {query.isSuccess && rows.length === 0 && <Empty>{t.apps.noShares}</Empty>}
      {rows.length > 0 && <List label={t.apps.shares} rows={rows} columns={columns} id={(one) => one.id} />}
      <More query={query} />
    </Stack>
  );
}

function Ways({ share }: { share: Share }) {
  const { t } = useWords();
  const may = person()?.may ?? [];
  const lives = share.state === 'offered' || share.state === 'accepted';
  if (!lives) return null;
  return (
    <Group gap={6}>
      {!share.given && may.includes('app.accept') && <Answer share={share} />}
      {!share.given && share.state === 'offered' && may.includes('app.accept') && (
        <AskedButton
          size="xs"
          variant="default"
          label={t.links.decline}
          warning={t.apps.declineText}
          reason
          touched={['share', 'app']}
          work={(note) => apps.answerShare({ id: share.id, accept: false, note })}
        />
      )}
      {share.given && share.state === 'accepted' && may.includes('app.share') && <Parties share={share} />}
      {may.includes('app.share') && (
        <AskedButton
          size="xs"
          variant="default"
          label={t.apps.end}
          warning={t.apps.endText}
          reason
          touched={['share', 'app']}
          work={(note) => apps.endShare({ id: share.id, note })}
        />
      )}
    </Group>
  );
}

/** What the app asks for, in plain words; what it gets of that, and who of ours uses it. */
function Answer({ share }: { share: Share }) {
  const { t } = useWords();
  const said = useSaid();
  const query = useQuery({
    queryKey: ['app', share.publisher, share.app, share.offeredVersion],
    queryFn: () => apps.getApp({ publisher: share.publisher, name: share.app, version: share.offeredVersion }),
  });
  const app: App | undefined = query.data?.app;
  const [chosen, setChosen] = useState<string[]>();
  const [who, setWho] = useState<string[]>(share.roles);
  const [units, setUnits] = useState(share.units.join(', '));
  const [perDay, setPerDay] = useState<number | string>(share.startsPerDay);
  const scopes = chosen ?? (share.version > 0 ? share.scopes : (app?.scopes.map((one) => one.scope) ?? []));
  const places = units
    .split(/[,，]/)
    .map((one) => one.trim())
    .filter(Boolean);
  return (
    <FormButton
      size="xs"
      label={share.state === 'offered' ? t.apps.accept : t.links.change}
      title={app ? said(app.title) : share.app}
      submit={share.state === 'offered' ? t.apps.accept : t.common.save}
      ready={who.length > 0 && app !== undefined}
      touched={['share', 'app']}
      work={() =>
        apps.answerShare({
          id: share.id,
          accept: true,
          scopes,
          roles: who,
          units: places,
          startsPerDay: Number(perDay) || 0,
        })
      }
      wide
    >
      {query.isError && <Refused error={query.error} />}
      {app && <Text size="sm">{said(app.summary)}</Text>}
      <ReviewNote review={app?.review} />
      {app && app.scopes.length === 0 && <Text size="sm">{t.apps.asksNothing}</Text>}
      {app && app.scopes.length > 0 && (
        <Checkbox.Group label={t.apps.asks(share.partner)} value={scopes} onChange={setChosen}>
          <Stack gap="xs" mt={6}>
            {app.scopes.map((one) => (
              <Checkbox
                key={one.scope}
                value={one.scope}
                label={one.meaning}
                description={`${said(one.why)} ${one.optional ? t.apps.optional : t.apps.needed}`}
                disabled={!one.optional}
              />
            ))}
          </Stack>
        </Checkbox.Group>
      )}
      {app && <AtTheEnd app={app} />}
      <Checkbox.Group label={t.apps.uses} value={who} onChange={setWho}>
        <Group gap="xs" mt={6}>
          {roles.map((role) => (
            <Checkbox key={role} value={role} label={t.staff.roles[role.toUpperCase() as keyof typeof t.staff.roles]} />
          ))}
        </Group>
      </Checkbox.Group>
      <TextInput
        label={t.staff.units}
        description={t.apps.unitsRule}
        value={units}
        onChange={(event) => setUnits(event.currentTarget.value)}
      />
      <NumberInput
        label={t.apps.perDay}
        description={t.apps.perDayRule}
        value={perDay}
        onChange={setPerDay}
        min={0}
        allowDecimal={false}
      />
    </FormButton>
  );
}

/** Who takes the roles that are neither the publisher's nor the beginner's. */
function Parties({ share }: { share: Share }) {
  const { t } = useWords();
  const kinds = useKinds();
  const partners = usePartners();
  const query = useQuery({
    queryKey: ['app', share.publisher, share.app, share.version],
    queryFn: () => apps.getApp({ name: share.app, version: share.version }),
  });
  const app = query.data?.app;
  const others = app?.roles.slice(1).filter((role) => role !== app.startedBy) ?? [];
  const [chosen, setChosen] = useState<Record<string, string>>({ ...share.parties });
  if (!app || others.length === 0) return null;
  return (
    <FormButton
      size="xs"
      variant="default"
      label={t.apps.parties}
      title={t.apps.partiesOf(share.partner)}
      submit={t.common.save}
      ready={others.every((role) => chosen[role])}
      touched={['share']}
      work={() => apps.assignParties({ shareId: share.id, parties: chosen })}
    >
      {others.map((role) => (
        <NativeSelect
          key={role}
          label={kinds.word(share.kind, role)}
          data={[{ value: '', label: '' }, ...partners.all.map((link) => ({ value: link.id, label: link.partner }))]}
          value={chosen[role] ?? ''}
          onChange={(event) => setChosen({ ...chosen, [role]: event.currentTarget.value })}
        />
      ))}
    </FormButton>
  );
}
