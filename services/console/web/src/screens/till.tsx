// At the till: a coupon or points are held for a basket, and used once it is paid.
import { Alert, Button, Card, Group, SegmentedControl, Stack, Text, TextInput, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { digitsOf, moment, money, number } from '../format';
import { type Booking, BookingState } from '../gen/hansa/loyalty/v1/types_pb';
import { useWords } from '../i18n';
import { loyalty } from '../rpc-people';
import { useAct } from '../ui/act';
import { AmountFields, minorOf } from '../ui/amount';
import { uuid7 } from '../ui/lines';
import { PartnerChoice } from '../ui/partner';
import { PoolChoice } from '../ui/pool';
import { Refused } from '../ui/states';

type With = 'coupon' | 'points';

const empty = { coupon: '', pool: '', member: '', points: '', amount: '', currency: 'EUR', orderRef: '' };

export function Till() {
  const { t } = useWords();
  const words = t.loyalty;
  const [what, setWhat] = useState<With>('coupon');
  const [linkId, setLinkId] = useState('');
  const [form, setForm] = useState(empty);
  // The same one when it is sent again: it is held once.
  const [id, setId] = useState(uuid7);
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next });
  const amount = minorOf(form.amount, form.currency);
  const whole = /^\d{1,15}$/;
  const points = whole.test(form.points) ? BigInt(form.points) : undefined;
  const member = linkId
    ? { pseudonym: form.member.trim() }
    : { pool: form.pool, number: whole.test(form.member) ? BigInt(form.member) : 0n };
  const hold = useAct(
    () =>
      loyalty.holdBooking({
        id,
        linkId,
        what:
          what === 'coupon'
            ? { case: 'coupon', value: form.coupon.replace(/[\s-]/g, '').toUpperCase() }
            : { case: 'points', value: { ...member, points: points ?? 0n } },
        basket: { amount: amount ?? 0n, currency: form.currency },
        orderRef: form.orderRef.trim(),
      }),
    [],
  );
  const again = () => {
    hold.reset();
    setId(uuid7());
    setForm({ ...empty, currency: form.currency, pool: form.pool });
  };
  const ready =
    amount !== undefined &&
    amount > 0n &&
    (what === 'coupon' ? form.coupon.trim() !== '' : form.member.trim() !== '' && (points ?? 0n) > 0n);
  const booking = hold.data?.booking;
  if (booking) return <Held linkId={linkId} held={booking} again={again} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    hold.mutate(undefined);
  };
  return (
    <form onSubmit={submit}>
      <Stack maw={520}>
        <SegmentedControl
          aria-label={words.with}
          data={[
            { value: 'coupon', label: words.coupon },
            { value: 'points', label: words.points },
          ]}
          value={what}
          onChange={(next) => setWhat(next as With)}
        />
        <PartnerChoice value={linkId} change={setLinkId} />
        <Text size="sm">{words.whose}</Text>
        {what === 'coupon' ? (
          <TextInput
            label={words.code}
            value={form.coupon}
            maxLength={40}
            autoComplete="off"
            classNames={{ input: 'code' }}
            onChange={(event) => set({ coupon: event.currentTarget.value })}
          />
        ) : (
          <>
            {linkId === '' && <PoolChoice value={form.pool} change={(pool) => set({ pool })} />}
            <TextInput
              label={linkId ? words.pseudonym : t.pools.number}
              value={form.member}
              maxLength={80}
              onChange={(event) => set({ member: event.currentTarget.value })}
            />
            <TextInput
              label={words.howMany}
              inputMode="numeric"
              value={form.points}
              onChange={(event) => set({ points: event.currentTarget.value.trim() })}
            />
          </>
        )}
        <AmountFields label={words.basket} amount={form.amount} currency={form.currency} change={set} />
        <TextInput
          label={words.orderRef}
          value={form.orderRef}
          maxLength={80}
          onChange={(event) => set({ orderRef: event.currentTarget.value })}
        />
        {hold.isError && <Refused error={hold.error} />}
        <Group>
          <Button type="submit" loading={hold.isPending} disabled={!ready}>
            {words.hold}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What is held for a basket: taken off, or given back. */
function Held({ linkId, held, again }: { linkId: string; held: Booking; again: () => void }) {
  const { t, language } = useWords();
  const words = t.loyalty;
  const [now, setNow] = useState(held);
  const become = ({ booking }: { booking?: Booking }) => booking && setNow(booking);
  const confirm = useAct(() => loyalty.confirmBooking({ id: held.id, linkId }), ['booking'], become);
  const giveBack = useAct(
    () => loyalty.voidBooking({ id: held.id, linkId, reason: 'given back' }),
    ['booking'],
    become,
  );
  // A partner that does not answer: whether it is held is not known yet.
  const ask = useAct(() => loyalty.getBooking({ id: held.id, linkId }), [], become);
  const open = now.state === BookingState.HELD;
  return (
    <Card withBorder maw={520}>
      <Stack>
        <Title order={2} size="h4" role="status">
          {words.states[BookingState[now.state] as keyof typeof words.states]}
        </Title>
        {now.benefit && <Text>{now.benefit}</Text>}
        <Text size="xl" fw={700}>
          {words.off(money(now.discount, digitsOf(now.currency), now.currency, language))}
        </Text>
        {now.points > 0n && <Text size="sm">{words.pointsTaken(number(now.points, language))}</Text>}
        {open && <Text size="sm">{words.until(moment(now.expiresAt, language))}</Text>}
        {now.reason && <Alert color="yellow">{now.reason}</Alert>}
        {[confirm, giveBack, ask].map((one) => one.isError && <Refused key={String(one.error)} error={one.error} />)}
        <Group>
          {open && (
            <>
              <Button loading={confirm.isPending} onClick={() => confirm.mutate(undefined)}>
                {words.paid}
              </Button>
              <Button variant="default" loading={giveBack.isPending} onClick={() => giveBack.mutate(undefined)}>
                {words.giveBack}
              </Button>
            </>
          )}
          {now.state === BookingState.UNKNOWN && (
            <Button loading={ask.isPending} onClick={() => ask.mutate(undefined)}>
              {t.common.again}
            </Button>
          )}
          {!open && now.state !== BookingState.UNKNOWN && <Button onClick={again}>{words.next}</Button>}
        </Group>
      </Stack>
    </Card>
  );
}
