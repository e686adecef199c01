// What a partner may do for members of a pool of ours: take their coupons and points, bring new ones, and have us write to them.
import { create } from '@bufbuild/protobuf';
import { Checkbox, Fieldset, Group, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Link } from '../gen/hansa/link/v1/staff_pb';
import {
  EnrolmentGrantSchema,
  type Grant,
  GrantSchema,
  LoyaltyGrantSchema,
  MessageGrantSchema,
} from '../gen/hansa/link/v1/types_pb';
import { useWords } from '../i18n';
import { links } from '../rpc';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { PoolChoice } from '../ui/pool';

interface Draft {
  coupons: boolean;
  spend: boolean;
  credit: number | string;
  enrols: boolean;
  enrolPurpose: string;
  perDay: number | string;
  writes: boolean;
  writePurpose: string;
  messages: number | string;
  days: number | string;
}

/** As it stands for a pool. */
function draftOf(grant: Grant | undefined, pool: string): Draft {
  const loyalty = grant?.loyalty.find((one) => one.pool === pool);
  const enrolment = grant?.enrolments.find((one) => one.pool === pool);
  const message = grant?.messages.find((one) => one.pool === pool);
  return {
    coupons: loyalty?.coupons ?? false,
    spend: loyalty?.spend ?? false,
    credit: Number(loyalty?.creditPerDayMax ?? 0n),
    enrols: enrolment !== undefined,
    enrolPurpose: enrolment?.purpose ?? '',
    perDay: enrolment?.perDayMax ?? 1_000,
    writes: message !== undefined,
    writePurpose: message?.purpose ?? '',
    messages: message?.perMemberMax ?? 2,
    days: message?.withinDays ?? 30,
  };
}

/** The grant as it is, but for this pool. */
function granted(now: Grant, pool: string, draft: Draft): Grant {
  const others = <T extends { pool: string }>(all: T[]) => all.filter((one) => one.pool !== pool);
  const before = now.loyalty.find((one) => one.pool === pool);
  const books = draft.coupons || draft.spend || Number(draft.credit) > 0;
  return {
    ...now,
    loyalty: [
      ...others(now.loyalty),
      ...(books
        ? [
            create(LoyaltyGrantSchema, {
              pool,
              coupons: draft.coupons,
              spend: draft.spend,
              creditPerDayMax: BigInt(Number(draft.credit) || 0),
              ttlMaxSeconds: before?.ttlMaxSeconds ?? 0,
            }),
          ]
        : []),
    ],
    enrolments: [
      ...others(now.enrolments),
      ...(draft.enrols
        ? [
            create(EnrolmentGrantSchema, {
              pool,
              purpose: draft.enrolPurpose.trim(),
              perDayMax: Number(draft.perDay) || 0,
            }),
          ]
        : []),
    ],
    messages: [
      ...others(now.messages),
      ...(draft.writes
        ? [
            create(MessageGrantSchema, {
              pool,
              purpose: draft.writePurpose.trim(),
              perMemberMax: Number(draft.messages) || 0,
              withinDays: Number(draft.days) || 0,
            }),
          ]
        : []),
    ],
  };
}

export function OpenBenefits({ link }: { link: Link }) {
  const { t } = useWords();
  const words = t.openBenefits;
  const [pool, setPool] = useState('');
  const [draft, setDraft] = useState(draftOf(link.granted, ''));
  const set = (next: Partial<Draft>) => setDraft({ ...draft, ...next });
  if (!person()?.may.includes('pool.read')) return null;
  const whole = (name: 'credit' | 'perDay' | 'messages' | 'days', label: string, min: number, max: number) => (
    <NumberInput
      label={label}
      min={min}
      max={max}
      allowDecimal={false}
      value={draft[name]}
      onChange={(value) => set({ [name]: value })}
    />
  );
  const purpose = (name: 'enrolPurpose' | 'writePurpose', description: string) => (
    <TextInput
      label={t.pools.purpose}
      description={description}
      value={draft[name]}
      maxLength={40}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <FormButton
      size="xs"
      variant="default"
      label={words.open}
      submit={t.common.save}
      wide
      ready={pool !== '' && (!draft.writes || draft.writePurpose.trim() !== '')}
      touched={['link']}
      work={() => links.setGrant({ id: link.id, grant: granted(link.granted ?? create(GrantSchema), pool, draft) })}
    >
      <PoolChoice
        value={pool}
        change={(chosen) => {
          setPool(chosen);
          setDraft(draftOf(link.granted, chosen));
        }}
      />
      <Fieldset legend={t.nav.loyalty}>
        <Stack gap="sm">
          <Group>
            <Checkbox
              label={words.coupons}
              checked={draft.coupons}
              onChange={(event) => set({ coupons: event.currentTarget.checked })}
            />
            <Checkbox
              label={words.spend}
              checked={draft.spend}
              onChange={(event) => set({ spend: event.currentTarget.checked })}
            />
          </Group>
          {whole('credit', words.credit, 0, 1_000_000_000)}
        </Stack>
      </Fieldset>
      <Fieldset legend={words.enrols}>
        <Stack gap="sm">
          <Checkbox
            label={words.mayEnrol}
            checked={draft.enrols}
            onChange={(event) => set({ enrols: event.currentTarget.checked })}
          />
          {draft.enrols && purpose('enrolPurpose', words.enrolPurpose)}
          {draft.enrols && whole('perDay', words.perDay, 1, 1_000_000)}
        </Stack>
      </Fieldset>
      <Fieldset legend={t.reach.runs}>
        <Stack gap="sm">
          <Checkbox
            label={words.mayWrite}
            checked={draft.writes}
            onChange={(event) => set({ writes: event.currentTarget.checked })}
          />
          {draft.writes && purpose('writePurpose', words.writePurpose)}
          {draft.writes && (
            <Group grow>
              {whole('messages', t.reach.messages, 1, 100)}
              {whole('days', t.reach.inDays, 1, 365)}
            </Group>
          )}
        </Stack>
      </Fieldset>
      <Text size="sm">{words.about}</Text>
    </FormButton>
  );
}
