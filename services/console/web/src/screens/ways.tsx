// Ways to become a member: pages that are printed as a QR code, the counter, and how many came by them.
import { Checkbox, Group, Modal, NativeSelect, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { number } from '../format';
import type { GuideCount, Way } from '../gen/hansa/outreach/v1/staff_pb';
import { useWords } from '../i18n';
import { members, outreach } from '../rpc-people';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { uuid7 } from '../ui/lines';
import { usePartners } from '../ui/partner';
import { FieldChoice, PoolChoice, usePools } from '../ui/pool';
import { Copied, Empty, Loaded, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const Qr = lazy(() => import('../ui/qr'));

export function Ways() {
  const { t } = useWords();
  const words = t.reach;
  const [, go] = useLocation();
  const shown = new URLSearchParams(useSearch()).get('way');
  const may = person()?.may ?? [];
  const query = useQuery({ queryKey: ['way'], queryFn: () => outreach.listWays({}) });
  const columns: Column<Way>[] = [
    { name: words.way, show: (one) => one.title, text: (one) => one.title },
    { name: t.pools.code, show: (one) => <span className="code">{one.code}</span>, text: (one) => one.code },
    { name: t.pools.pool, show: (one) => one.pool, text: (one) => one.pool },
    { name: words.alsoAt, show: (one) => one.partnerName, text: (one) => one.partnerName },
    { name: words.guide, show: (one) => one.guide, text: (one) => one.guide },
    {
      name: t.stock.ways,
      show: (one) =>
        one.ended ? (
          words.ended
        ) : (
          <Group gap={6}>
            {may.includes('outreach.enrol') && <Enrol way={one} />}
            {may.includes('outreach.write') && <PutWay way={one} />}
          </Group>
        ),
    },
  ];
  const one = query.data?.ways.find((way) => way.code === shown);
  return (
    <Stack>
      <Text size="sm">{words.waysAbout}</Text>
      {may.includes('outreach.write') && (
        <Group justify="flex-end">
          <PutWay />
        </Group>
      )}
      <Loaded query={query}>
        {({ ways }) =>
          ways.length === 0 ? (
            <Empty>{words.noWays}</Empty>
          ) : (
            <List
              label={words.ways}
              rows={ways}
              columns={columns}
              id={(way) => way.code}
              to={(way) => `/pools?tab=ways&way=${way.code}`}
            />
          )
        }
      </Loaded>
      <Modal
        opened={one !== undefined}
        onClose={() => go('/pools?tab=ways')}
        title={one?.title}
        size="lg"
        closeButtonProps={{ 'aria-label': t.common.close }}
      >
        {one && <Whole way={one} />}
      </Modal>
    </Stack>
  );
}

/** Its page, to be printed, and who came by it. */
function Whole({ way }: { way: Way }) {
  const { t, language } = useWords();
  const words = t.reach;
  const query = useQuery({ queryKey: ['enrolment', way.code], queryFn: () => outreach.getFunnel({ way: way.code }) });
  const figure = (name: string, of: (one: GuideCount) => bigint): Column<GuideCount> => ({
    name,
    show: (one) => number(of(one), language),
    text: (one) => String(of(one)),
    number: true,
  });
  const columns: Column<GuideCount>[] = [
    { name: words.guide, show: (one) => one.guide || words.nobody, text: (one) => one.guide },
    figure(words.joined, (one) => one.joined),
    figure(words.known, (one) => one.known),
    figure(words.consented, (one) => one.consented),
    figure(words.atPartner, (one) => one.atPartner),
    figure(words.bought, (one) => one.bought),
  ];
  return (
    <Stack>
      {way.address ? (
        <>
          <Suspense fallback={<Waiting />}>
            <Qr text={way.address} name={`way-${way.code}`} label={way.title} />
          </Suspense>
          <Copied label={words.address} text={way.address} />
        </>
      ) : (
        <Text size="sm">{words.notServed}</Text>
      )}
      <Loaded query={query}>
        {({ shown, guides }) => (
          <>
            <Text size="sm">{words.shown(number(shown, language))}</Text>
            {guides.length > 0 && (
              <List label={words.funnel} rows={guides} columns={columns} id={({ guide }) => guide} />
            )}
          </>
        )}
      </Loaded>
    </Stack>
  );
}

function PutWay({ way }: { way?: Way }) {
  const { t, language } = useWords();
  const words = t.reach;
  const { ours } = usePools();
  const partners = usePartners();
  const notices = useQuery({ queryKey: ['notice'], queryFn: () => members.listNotices({}) });
  const [form, setForm] = useState({
    code: way?.code ?? '',
    title: way?.title ?? '',
    pool: way?.pool ?? '',
    language: way?.language ?? (language === 'zh' ? 'zh-CN' : 'en'),
    region: way?.region ?? '',
    fields: way?.fields ?? [],
    guide: way?.guide ?? '',
    noticeHash: way?.noticeHash ?? '',
    partnerPool: way?.partnerPool ?? '',
    ended: way?.ended ?? false,
  });
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next });
  const text = (name: 'code' | 'title' | 'region' | 'guide', label: string, max: number, description?: string) => (
    <TextInput
      label={label}
      description={description}
      value={form[name]}
      maxLength={max}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
    />
  );
  const notice = notices.data?.notices.find((one) => one.hash === form.noticeHash);
  // A partner's pools that it lets us bring people to.
  const theirs = partners.all.find((link) => link.id === notice?.linkId)?.received?.enrolments ?? [];
  return (
    <FormButton
      size={way ? 'xs' : 'sm'}
      variant={way ? 'default' : 'filled'}
      label={way ? t.links.change : words.addWay}
      title={words.way}
      submit={t.common.save}
      wide
      ready={form.code.trim() !== '' && form.title.trim() !== '' && form.pool !== ''}
      touched={['way']}
      work={() =>
        outreach.putWay({
          way: { ...form, code: form.code.trim(), title: form.title.trim(), region: form.region.trim().toUpperCase() },
        })
      }
    >
      {!way && text('code', t.pools.code, 40, t.pools.codeRule)}
      {text('title', words.title, 120, words.titleRule)}
      <PoolChoice value={form.pool} change={(pool) => set({ pool, fields: [] })} />
      <FieldChoice
        label={words.askedFor}
        pool={ours.find(({ code }) => code === form.pool)}
        value={form.fields}
        change={(fields) => set({ fields })}
      />
      {text('guide', words.guide, 40, words.guideRule)}
      <Group grow>
        <NativeSelect
          label={t.pools.language}
          data={['en', 'zh-CN', 'de']}
          value={form.language}
          onChange={(event) => set({ language: event.currentTarget.value })}
        />
        {text('region', t.pools.region, 2)}
      </Group>
      <NativeSelect
        label={words.notice}
        description={words.noticeRule}
        data={[
          { value: '', label: words.noNotice },
          ...(notices.data?.notices ?? []).map((one) => ({
            value: one.hash,
            label: `${t.pools.noticeFor(partners.name(one.linkId) || one.recipient, one.purpose)} (${one.language})`,
          })),
        ]}
        value={form.noticeHash}
        onChange={(event) => set({ noticeHash: event.currentTarget.value, partnerPool: '' })}
      />
      {theirs.length > 0 && (
        <NativeSelect
          label={words.alsoAt}
          data={[{ value: '', label: '' }, ...theirs.map(({ pool }) => pool)]}
          value={form.partnerPool}
          onChange={(event) => set({ partnerPool: event.currentTarget.value })}
        />
      )}
      {way && (
        <Switch
          label={words.ended}
          checked={form.ended}
          onChange={(event) => set({ ended: event.currentTarget.checked })}
        />
      )}
    </FormButton>
  );
}

const nobody = { phone: '', email: '', own: true, share: false, partner: false, partnerShare: false };

/** At the counter: they say it, and read what they agree to. */
function Enrol({ way }: { way: Way }) {
  const { t } = useWords();
  const words = t.reach;
  const [form, setForm] = useState(nobody);
  const [fields, setFields] = useState<Record<string, string>>({});
  const [id, setId] = useState(uuid7);
  const notices = useQuery({
    queryKey: ['notice'],
    queryFn: () => members.listNotices({}),
    enabled: way.noticeHash !== '',
  });
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next });
  const ours = notices.data?.notices.find((one) => one.hash === way.noticeHash);
  const asks = [...new Set([...way.fields, ...(way.partnerNotice?.fields ?? [])])];
  const choice = (name: 'own' | 'share' | 'partner' | 'partnerShare', label: string) => (
    <Checkbox label={label} checked={form[name]} onChange={(event) => set({ [name]: event.currentTarget.checked })} />
  );
  return (
    <FormButton
      size="xs"
      label={words.enrol}
      title={way.title}
      wide
      ready={(form.phone.trim() !== '' || form.email.trim() !== '') && (form.own || form.partner)}
      touched={['way', 'pool']}
      work={() =>
        outreach.enrolPerson({
          ...form,
          id,
          way: way.code,
          phone: form.phone.trim(),
          email: form.email.trim(),
          fields: Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== '')),
        })
      }
      done={() => {
        setForm(nobody);
        setFields({});
        setId(uuid7());
      }}
    >
      <TextInput
        label={t.pools.phone}
        type="tel"
        value={form.phone}
        onChange={(event) => set({ phone: event.currentTarget.value })}
        data-autofocus
      />
      <TextInput
        label={t.pools.email}
        type="email"
        value={form.email}
        onChange={(event) => set({ email: event.currentTarget.value })}
      />
      {asks.map((name) => (
        <TextInput
          key={name}
          label={name}
          value={fields[name] ?? ''}
          maxLength={200}
          onChange={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}
        />
      ))}
      {choice('own', words.own)}
      {ours && (
        <>
          <Text size="sm" lang={ours.language} style={{ whiteSpace: 'pre-wrap' }}>
            {ours.text}
          </Text>
          {choice('share', words.share)}
        </>
      )}
      {way.partnerPool && choice('partner', words.partner(way.partnerName || way.partnerPool))}
      {way.partnerNotice && (
        <>
          <Text size="sm" lang={way.partnerNotice.language} style={{ whiteSpace: 'pre-wrap' }}>
            {way.partnerNotice.text}
          </Text>
          {choice('partnerShare', words.partnerShare)}
        </>
      )}
    </FormButton>
  );
}
