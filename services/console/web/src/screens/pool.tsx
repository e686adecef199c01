// One pool: one member at a time, members out of a file, and what of it is handed out to whom.
import { Badge, Button, Card, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { moment, number } from '../format';
import type { Consent, Member, Pool, Publication } from '../gen/hansa/members/v1/staff_pb';
import { useWords } from '../i18n';
import { members, outreach } from '../rpc-people';
import { person } from '../session';
import { AskedButton, FormButton, useAct } from '../ui/act';
import { AddressTabs } from '../ui/address-tabs';
import { Benefits } from '../ui/benefits';
import { PartnerChoice, usePartners } from '../ui/partner';
import { FileRows } from '../ui/rows';
import { save } from '../ui/save';
import { Copied, Empty, Loaded, Page, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';
import { PutPool } from './pools';

export default function PoolPage({ code }: { code: string }) {
  const { t } = useWords();
  const may = person()?.may ?? [];
  const query = useQuery({ queryKey: ['pool'], queryFn: () => members.listPools({}) });
  const pool = query.data?.pools.find((one) => one.code === code);
  return (
    <Page
      title={pool?.name || code}
      actions={pool && !pool.linkId && may.includes('pool.write') && <PutPool key={pool.name} pool={pool} />}
    >
      <Loaded query={query}>{() => (pool ? <Whole pool={pool} /> : <Empty>{t.state.missingText}</Empty>)}</Loaded>
    </Page>
  );
}

function Whole({ pool }: { pool: Pool }) {
  const { t, language } = useWords();
  const may = person()?.may ?? [];
  const partners = usePartners();
  const all = [
    { value: 'member', name: t.pools.member, action: 'member.read', show: () => <Find pool={pool} /> },
    { value: 'import', name: t.pools.import, action: 'member.write', show: () => <ImportInto pool={pool} /> },
    { value: 'offers', name: t.pools.offers, action: 'pool.read', show: () => <Offers pool={pool} /> },
  ];
  if (pool.linkId) {
    return <Text>{t.pools.releasedBy(partners.name(pool.linkId), number(pool.members, language))}</Text>;
  }
  return (
    <Stack>
      <Text size="sm">{t.pools.size(number(pool.members, language))}</Text>
      <AddressTabs path={`/pools/${pool.code}`} tabs={all.filter(({ action }) => may.includes(action))} />
    </Stack>
  );
}

/** By what somebody is asked for: a number of ours, a phone, or an address. */
function asked(text: string) {
  if (text.includes('@')) return { email: text };
  return /^\d{1,7}$/.test(text) ? { number: BigInt(text) } : { phone: text };
}

function Find({ pool }: { pool: Pool }) {
  const { t } = useWords();
  const [text, setText] = useState('');
  const find = useAct(() => members.getMember({ pool: pool.code, ...asked(text.trim()) }), []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    find.mutate(undefined);
  };
  const member = find.data?.member;
  return (
    <Stack>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <TextInput
            label={t.pools.find}
            description={t.pools.findText}
            value={text}
            maxLength={200}
            onChange={(event) => setText(event.currentTarget.value)}
            w={320}
          />
          <Button type="submit" loading={find.isPending} disabled={text.trim() === ''}>
            {t.common.find}
          </Button>
        </Group>
      </form>
      {find.isError && <Refused error={find.error} />}
      {member && <MemberCard pool={pool} member={member} again={() => find.mutate(undefined)} />}
    </Stack>
  );
}

function MemberCard({ pool, member, again }: { pool: Pool; member: Member; again: () => void }) {
  const { t, language } = useWords();
  const may = person()?.may ?? [];
  const { number: no } = member;
  const page = useAct(() => outreach.getMemberPage({ pool: pool.code, number: no }), []);
  const lines: [string, string][] = [
    [t.pools.phone, member.phone],
    [t.pools.email, member.email],
    ...Object.entries(member.fields),
    [t.pools.joined, moment(member.joinedAt, language)],
  ];
  const gone = member.state !== 'active';
  return (
    <Card withBorder>
      <Stack>
        <Group justify="space-between">
          <Group gap="xs">
            <Title order={2} size="h4">
              {t.pools.memberNumber(String(no))}
            </Title>
            {gone && <Badge color="red">{t.pools.erased}</Badge>}
          </Group>
          {!gone && (
            <Group gap="xs">
              {may.includes('outreach.enrol') && (
                <Button size="xs" variant="default" loading={page.isPending} onClick={() => page.mutate(undefined)}>
                  {t.pools.ownPage}
                </Button>
              )}
              {may.includes('member.erase') && (
                <AskedButton
                  size="xs"
                  color="red"
                  variant="light"
                  label={t.pools.erase}
                  warning={t.pools.eraseText}
                  touched={['pool', 'withdrawal']}
                  work={() => members.eraseMember({ pool: pool.code, number: no })}
                  done={again}
                />
              )}
            </Group>
          )}
        </Group>
        {page.isError && <Refused error={page.error} />}
        {page.data && <Copied label={t.pools.ownPageText} text={page.data.address} />}
        <Table>
          <Table.Tbody>
            {lines
              .filter(([, value]) => value !== '')
              .map(([name, value]) => (
                <Table.Tr key={name}>
                  <Table.Th scope="row">{name}</Table.Th>
                  <Table.Td>{value}</Table.Td>
                </Table.Tr>
              ))}
          </Table.Tbody>
        </Table>
        {may.includes('loyalty.book') && !gone && <Benefits pool={pool.code} member={no} />}
        <Title order={3} size="h5">
          {t.pools.consents}
        </Title>
        {member.consents.length === 0 ? (
          <Empty>{t.pools.noConsents}</Empty>
        ) : (
          <Consents pool={pool} member={member} again={again} />
        )}
      </Stack>
    </Card>
  );
}

function Consents({ pool, member, again }: { pool: Pool; member: Member; again: () => void }) {
  const { t, language } = useWords();
  const may = person()?.may ?? [];
  const partners = usePartners();
  const name = (one: Consent) =>
    partners.all.find((link) => link.partnerId === one.recipient)?.partner ?? one.recipient;
  const of = (one: Consent) => ({
    pool: pool.code,
    number: member.number,
    recipient: one.recipient,
    purpose: one.purpose,
  });
  const receipt = useAct(
    async (one: Consent) => ({ one, answer: await members.getConsentReceipt(of(one)) }),
    [],
    ({ one, answer }) =>
      save(`consent-${member.number}-${one.purpose}.json`, new Blob([answer.text], { type: 'application/json' })),
  );
  const columns: Column<Consent>[] = [
    { name: t.pools.receiver, show: name, text: name },
    { name: t.pools.purpose, show: (one) => one.purpose, text: (one) => one.purpose },
    {
      name: t.links.state,
      show: (one) => (
        <Badge color={one.state === 'given' ? 'teal' : 'gray'}>
          {t.pools.consentStates[one.state as keyof typeof t.pools.consentStates] ?? one.state}
        </Badge>
      ),
      text: (one) => one.state,
    },
    { name: t.pools.fields, show: (one) => one.fields.join(', '), text: (one) => one.fields.join('; ') },
    { name: t.pools.channel, show: (one) => one.channel, text: (one) => one.channel },
    { name: t.pools.since, show: (one) => moment(one.changedAt, language), text: (one) => moment(one.changedAt, 'en') },
    {
      name: t.stock.ways,
      show: (one) => (
        <Group gap={6}>
          <Button size="xs" variant="default" loading={receipt.isPending} onClick={() => receipt.mutate(one)}>
            {t.pools.receipt}
          </Button>
          {one.state === 'given' && may.includes('member.write') && (
            <AskedButton
              size="xs"
              variant="default"
              label={t.pools.withdraw}
              warning={t.pools.withdrawText(name(one))}
              touched={['withdrawal']}
              work={() => members.withdrawConsent({ ...of(one), channel: 'counter' })}
              done={again}
            />
          )}
        </Group>
      ),
    },
  ];
  return (
    <>
      {receipt.isError && <Refused error={receipt.error} />}
      <List
        label={t.pools.consents}
        rows={member.consents}
        columns={columns}
        id={(one) => `${one.recipient}/${one.purpose}`}
      />
    </>
  );
}

function ImportInto({ pool }: { pool: Pool }) {
  const { t } = useWords();
  const [region, setRegion] = useState('');
  const columns = ['phone', 'email', ...pool.fields.map(({ name }) => name)];
  return (
    <FileRows
      columns={columns}
      touched="pool"
      send={(rows, dryRun) =>
        members.importMemberRows({
          options: { pool: pool.code, region: region.trim().toUpperCase(), dryRun },
          rows: rows.map(({ line, cells: { phone = '', email = '', ...fields } }) => ({
            line,
            phone,
            email,
            // A column that is left empty takes nothing away.
            fields: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '')),
          })),
        })
      }
    >
      <TextInput
        label={t.pools.region}
        placeholder="CN"
        value={region}
        maxLength={2}
        onChange={(event) => setRegion(event.currentTarget.value)}
        w={200}
      />
    </FileRows>
  );
}

function Offers({ pool }: { pool: Pool }) {
  const { t, language } = useWords();
  const partners = usePartners();
  const query = useQuery({
    queryKey: ['publication'],
    queryFn: () => members.listPublications({ pageSize: 1_000 }),
    refetchInterval: ({ state }) => (state.data?.publications.some((one) => one.state === 'building') ? 1_500 : false),
  });
  const states = (one: Publication) => t.pools.offerStates[one.state as keyof typeof t.pools.offerStates] ?? one.state;
  const columns: Column<Publication>[] = [
    { name: t.links.partner, show: (one) => partners.name(one.linkId), text: (one) => partners.name(one.linkId) },
    { name: t.pools.purpose, show: (one) => one.purpose, text: (one) => one.purpose },
    {
      name: t.links.state,
      show: (one) => <Badge color={one.state === 'live' ? 'teal' : 'gray'}>{states(one)}</Badge>,
      text: states,
    },
    {
      name: t.pools.masked,
      show: (one) => number(one.masked, language),
      text: (one) => String(one.masked),
      number: true,
    },
    {
      name: t.pools.spent,
      show: (one) => t.pools.spentOf(number(one.spent, language), number(one.spentInAll, language)),
      text: (one) => String(one.spentInAll),
    },
    { name: t.staff.until, show: (one) => moment(one.endsAt, language), text: (one) => moment(one.endsAt, 'en') },
  ];
  return (
    <Stack>
      <Text size="sm">{t.pools.offersAbout}</Text>
      {person()?.may.includes('pool.share') && (
        <Group justify="flex-end">
          <HandOut pool={pool} />
        </Group>
      )}
      <Loaded query={query}>
        {(answer) => {
          const rows = answer.publications.filter((one) => one.pool === pool.code);
          return rows.length === 0 ? (
            <Empty>{t.pools.noOffers}</Empty>
          ) : (
            <List label={t.pools.offers} rows={rows} columns={columns} id={(one) => `${one.linkId}/${one.purpose}`} />
          );
        }}
      </Loaded>
    </Stack>
  );
}

function HandOut({ pool }: { pool: Pool }) {
  const { t } = useWords();
  const partners = usePartners();
  const [linkId, setLinkId] = useState('');
  const granted = partners.all.find((link) => link.id === linkId)?.granted?.pools ?? [];
  const purposes = granted.filter((one) => one.pool === pool.code).map((one) => one.purpose);
  const [purpose, setPurpose] = useState('');
  const chosen = purposes.includes(purpose) ? purpose : (purposes[0] ?? '');
  return (
    <FormButton
      label={t.pools.handOut}
      ready={chosen !== ''}
      touched={['publication']}
      work={() => members.publishPool({ pool: pool.code, linkId, purpose: chosen })}
    >
      <Text size="sm">{t.pools.handOutText}</Text>
      <PartnerChoice value={linkId} change={setLinkId} />
      {linkId !== '' && purposes.length === 0 && <Text size="sm">{t.pools.notGranted}</Text>}
      {purposes.map((one) => (
        <Button
          key={one}
          variant={one === chosen ? 'light' : 'default'}
          aria-pressed={one === chosen}
          onClick={() => setPurpose(one)}
        >
          {one}
        </Button>
      ))}
    </FormButton>
  );
}
