// Kinds of coupons: what they take off, where they are good, and who gets them.
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Button, Group, NativeSelect, NumberInput, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { digitsOf, moment, money, number } from '../format';
import { type Coupon, type CouponKind, CouponScope } from '../gen/hansa/loyalty/v1/staff_pb';
import { type Language, useWords } from '../i18n';
import { loyalty } from '../rpc-people';
import { person } from '../session';
import { FormButton, useAct } from '../ui/act';
import { AmountFields, minorOf } from '../ui/amount';
import { beginOf, DayFields, endOf } from '../ui/days';
import { PartnerChoice, usePartners } from '../ui/partner';
import { PoolChoice } from '../ui/pool';
import { Empty, Loaded, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';

/** What a coupon takes off a price. */
export function offOf(one: CouponKind, language: Language): string {
  if (one.permille === 0) return money(one.amount, digitsOf(one.currency), one.currency, language);
  const share = `${number(one.permille / 10, language)} %`;
  return one.discountMax > 0n
    ? `${share} ≤ ${money(one.discountMax, digitsOf(one.currency), one.currency, language)}`
    : share;
}

export function CouponKinds() {
  const { t, language } = useWords();
  const words = t.loyalty;
  const partners = usePartners();
  const query = useQuery({ queryKey: ['coupon-kind'], queryFn: () => loyalty.listCouponKinds({}) });
  const may = person()?.may.includes('loyalty.write') ?? false;
  const scope = (one: CouponKind) =>
    one.scope === CouponScope.PARTNER
      ? partners.name(one.linkId)
      : words.scopes[CouponScope[one.scope] as keyof typeof words.scopes];
  const valid = (one: CouponKind, spoken: Language) =>
    `${moment(one.validFrom, spoken)} – ${moment(one.validUntil, spoken)}`;
  const columns: Column<CouponKind>[] = [
    { name: words.benefit, show: (one) => one.benefit, text: (one) => one.benefit },
    { name: t.pools.code, show: (one) => <span className="code">{one.code}</span>, text: (one) => one.code },
    { name: t.pools.pool, show: (one) => one.pool, text: (one) => one.pool },
    { name: words.takesOff, show: (one) => offOf(one, language), text: (one) => offOf(one, 'en'), number: true },
    { name: words.where, show: scope, text: scope },
    {
      name: words.issuerPays,
      show: (one) => `${number(one.issuerPermille / 10, language)} %`,
      text: (one) => String(one.issuerPermille / 10),
      number: true,
    },
    { name: words.valid, show: (one) => valid(one, language), text: (one) => valid(one, 'en') },
    {
      name: words.issued,
      show: (one) =>
        one.issuedMax > 0n
          ? `${number(one.issued, language)} / ${number(one.issuedMax, language)}`
          : number(one.issued, language),
      text: (one) => String(one.issued),
      number: true,
    },
    { name: t.stock.ways, show: (one) => (may ? <Issue kind={one} /> : '') },
  ];
  return (
    <Stack>
      {may && (
        <Group justify="flex-end">
          <PutKind />
        </Group>
      )}
      <Loaded query={query}>
        {({ kinds }) =>
          kinds.length === 0 ? (
            <Empty>{words.noKinds}</Empty>
          ) : (
            <List label={words.coupons} rows={kinds} columns={columns} id={(one) => one.code} />
          )
        }
      </Loaded>
    </Stack>
  );
}

const drafted = {
  code: '',
  pool: '',
  benefit: '',
  currency: 'EUR',
  off: 'amount' as 'amount' | 'share',
  amount: '',
  percent: 10 as number | string,
  discountMax: '',
  basketMin: '',
  issuerPercent: 100 as number | string,
  scope: CouponScope.OWN,
  linkId: '',
  from: '',
  until: '',
  issuedMax: '' as number | string,
};

function PutKind() {
  const { t } = useWords();
  const words = t.loyalty;
  const [form, setForm] = useState(drafted);
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next });
  const minor = (text: string) => (text.trim() === '' ? 0n : minorOf(text, form.currency));
  const [amount, discountMax, basketMin] = [minor(form.amount), minor(form.discountMax), minor(form.basketMin)];
  const whole = form.off === 'amount' ? (amount ?? 0n) > 0n : Number(form.percent) > 0;
  const ready =
    [form.code, form.pool, form.benefit, form.from, form.until].every((text) => text.trim() !== '') &&
    whole &&
    discountMax !== undefined &&
    basketMin !== undefined &&
    (form.scope !== CouponScope.PARTNER || form.linkId !== '');
  return (
    <FormButton
      label={words.addKind}
      submit={t.common.save}
      wide
      ready={ready}
      touched={['coupon']}
      work={() =>
        loyalty.putCouponKind({
          kind: {
            code: form.code.trim(),
            pool: form.pool,
            benefit: form.benefit.trim(),
            currency: form.currency,
            amount: form.off === 'amount' ? (amount ?? 0n) : 0n,
            permille: form.off === 'share' ? Math.round(Number(form.percent) * 10) : 0,
            discountMax: form.off === 'share' ? (discountMax ?? 0n) : 0n,
            basketMin: basketMin ?? 0n,
            issuerPermille: Math.round(Number(form.issuerPercent) * 10),
            scope: form.scope,
            linkId: form.scope === CouponScope.PARTNER ? form.linkId : '',
            validFrom: beginOf(form.from),
            validUntil: endOf(form.until),
            issuedMax: BigInt(Number(form.issuedMax) || 0),
          },
        })
      }
      done={() => setForm(drafted)}
    >
      <TextInput
        label={t.pools.code}
        description={t.pools.codeRule}
        value={form.code}
        maxLength={40}
        onChange={(event) => set({ code: event.currentTarget.value })}
        data-autofocus
      />
      <TextInput
        label={words.benefit}
        description={words.benefitRule}
        value={form.benefit}
        maxLength={120}
        onChange={(event) => set({ benefit: event.currentTarget.value })}
      />
      <PoolChoice value={form.pool} change={(pool) => set({ pool })} />
      <NativeSelect
        label={words.takesOff}
        data={[
          { value: 'amount', label: words.anAmount },
          { value: 'share', label: words.aShare },
        ]}
        value={form.off}
        onChange={(event) => set({ off: event.currentTarget.value as typeof form.off })}
      />
      {form.off === 'amount' ? (
        <AmountFields label={words.amount} amount={form.amount} currency={form.currency} change={set} />
      ) : (
        <>
          <NumberInput
            label={words.percent}
            min={0.1}
            max={100}
            decimalScale={1}
            value={form.percent}
            onChange={(percent) => set({ percent })}
          />
          <AmountFields
            label={words.discountMax}
            amount={form.discountMax}
            currency={form.currency}
            change={({ amount: discountMax = form.discountMax, ...rest }) => set({ discountMax, ...rest })}
          />
        </>
      )}
      <TextInput
        label={words.basketMin}
        inputMode="decimal"
        value={form.basketMin}
        onChange={(event) => set({ basketMin: event.currentTarget.value })}
      />
      <NativeSelect
        label={words.where}
        data={[CouponScope.OWN, CouponScope.PARTNER, CouponScope.PARTNERS].map((scope) => ({
          value: String(scope),
          label: words.scopes[CouponScope[scope] as keyof typeof words.scopes],
        }))}
        value={String(form.scope)}
        onChange={(event) => set({ scope: Number(event.currentTarget.value) })}
      />
      {form.scope === CouponScope.PARTNER && <PartnerChoice value={form.linkId} change={(linkId) => set({ linkId })} />}
      {form.scope !== CouponScope.OWN && (
        <NumberInput
          label={words.issuerPercent}
          min={0}
          max={100}
          decimalScale={1}
          value={form.issuerPercent}
          onChange={(issuerPercent) => set({ issuerPercent })}
        />
      )}
      <DayFields
        first={{ label: words.from, value: form.from, change: (from) => set({ from }) }}
        last={{ label: words.to, value: form.until, change: (until) => set({ until }) }}
      />
      <NumberInput
        label={words.issuedMax}
        min={0}
        max={10_000_000}
        allowDecimal={false}
        value={form.issuedMax}
        onChange={(issuedMax) => set({ issuedMax })}
      />
    </FormButton>
  );
}

/** Numbers of members, however they are parted. */
const numbersIn = (text: string) => (text.match(/\d{1,15}/g) ?? []).map(BigInt);

function Issue({ kind }: { kind: CouponKind }) {
  const { t, language } = useWords();
  const words = t.loyalty;
  const [numbers, setNumbers] = useState('');
  const [count, setCount] = useState<number | string>(10);
  const [made, setMade] = useState<Coupon[]>([]);
  const [unknown, setUnknown] = useState<bigint[]>([]);
  const members = numbersIn(numbers);
  const columns: Column<Coupon>[] = [
    {
      name: words.code,
      show: (one) => <span className="code">{one.code}</span>,
      text: (one) => one.code,
    },
    { name: t.pools.number, show: (one) => (one.number ? String(one.number) : ''), text: (one) => String(one.number) },
    { name: words.to, show: (one) => moment(one.validUntil, language), text: (one) => moment(one.validUntil, 'en') },
  ];
  // One call is one batch: the form stays, so that the codes can be taken along.
  const issue = useAct(
    () => loyalty.issueCoupons({ kind: kind.code, numbers: members, count: members.length > 0 ? 0 : Number(count) }),
    ['coupon'],
    ({ coupons, unknown: nobody }) => {
      setMade(coupons);
      setUnknown(nobody);
    },
  );
  const over = kind.validUntil !== undefined && timestampDate(kind.validUntil).getTime() < Date.now();
  if (over) return <Text size="sm">{words.over}</Text>;
  return (
    <FormButton
      size="xs"
      variant="default"
      label={words.issue}
      title={`${words.issue}: ${kind.benefit}`}
      submit={t.common.close}
      wide
      touched={[]}
      work={() => Promise.resolve()}
      done={() => {
        setMade([]);
        setUnknown([]);
        setNumbers('');
      }}
    >
      <Textarea
        label={words.toMembers}
        description={words.toMembersRule}
        value={numbers}
        autosize
        onChange={(event) => setNumbers(event.currentTarget.value)}
      />
      {members.length === 0 && (
        <NumberInput
          label={words.count}
          description={words.countRule}
          min={1}
          max={1_000}
          allowDecimal={false}
          value={count}
          onChange={setCount}
        />
      )}
      <Group>
        <Button variant="light" loading={issue.isPending} onClick={() => issue.mutate(undefined)}>
          {members.length > 0 ? words.issueTo(members.length) : words.issueSome(Number(count) || 0)}
        </Button>
      </Group>
      {issue.isError && <Refused error={issue.error} />}
      {unknown.length > 0 && <Text size="sm">{words.unknown(unknown.join(', '))}</Text>}
      {made.length > 0 && <List label={words.codes} rows={made} columns={columns} id={(one) => String(one.serial)} />}
    </FormButton>
  );
}
