// A pool of ours for a partner: for what, how far, and how long it may keep what it gets.
import { create } from '@bufbuild/protobuf';
import { NativeSelect, NumberInput, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Link } from '../gen/hansa/link/v1/staff_pb';
import { GrantSchema, type PoolGrant, PoolGrantSchema } from '../gen/hansa/link/v1/types_pb';
import { useWords } from '../i18n';
import { links } from '../rpc';
import { person } from '../session';
import { AskedButton, FormButton } from '../ui/act';
import { FieldChoice, PoolChoice, usePools } from '../ui/pool';

export function OpenPool({ link }: { link: Link }) {
  if (!person()?.may.includes('pool.read')) return null;
  return (
    <>
      <Open link={link} />
      {(link.granted?.pools ?? []).map((one) => (
        <ClosePool key={`${one.pool}/${one.purpose}`} link={link} pool={one} />
      ))}
    </>
  );
}

/** The grant as it is, with these pools. */
const granting = (link: Link, pools: PoolGrant[]) =>
  links.setGrant({ id: link.id, grant: { ...(link.granted ?? create(GrantSchema)), pools } });

function ClosePool({ link, pool }: { link: Link; pool: PoolGrant }) {
  const { t } = useWords();
  const rest = (link.granted?.pools ?? []).filter((one) => one.pool !== pool.pool || one.purpose !== pool.purpose);
  return (
    <AskedButton
      size="xs"
      variant="default"
      label={t.openPool.close(pool.pool, pool.purpose)}
      warning={t.openPool.closeText}
      touched={['link', 'publication']}
      work={() => granting(link, rest)}
    />
  );
}

function Open({ link }: { link: Link }) {
  const { t } = useWords();
  const { ours } = usePools();
  const [code, setCode] = useState('');
  const [purpose, setPurpose] = useState('');
  const [mode, setMode] = useState<'own' | 'joint' | 'count'>('own');
  const [fields, setFields] = useState<string[]>([]);
  const [most, setMost] = useState<number | string>(10_000);
  const [days, setDays] = useState<number | string>(90);
  const pool = ours.find((one) => one.code === code);
  const whole = (value: number | string) => Number.isInteger(value) && Number(value) > 0;
  const modes = [
    { value: 'own', label: t.openPool.own },
    { value: 'joint', label: t.openPool.joint },
    { value: 'count', label: t.openPool.count },
  ];
  const made = () =>
    create(PoolGrantSchema, {
      pool: code,
      purpose: purpose.trim(),
      mayJoin: mode === 'joint',
      countsOnly: mode === 'count',
      fields: mode === 'joint' ? fields : [],
      evaluationsMax: BigInt(most),
      retentionDays: Number(days),
    });
  const others = (link.granted?.pools ?? []).filter((one) => one.pool !== code || one.purpose !== purpose.trim());
  return (
    <FormButton
      size="xs"
      variant="default"
      label={t.openPool.open}
      submit={t.openPool.grant}
      ready={code !== '' && purpose.trim() !== '' && whole(most) && whole(days)}
      touched={['link']}
      work={() => granting(link, [...others, made()])}
    >
      <Text size="sm">{t.openPool.about}</Text>
      <PoolChoice value={code} change={setCode} />
      <TextInput
        label={t.pools.purpose}
        description={t.pools.purposeRule}
        value={purpose}
        maxLength={40}
        onChange={(event) => setPurpose(event.currentTarget.value)}
      />
      <NativeSelect
        label={t.openPool.learns}
        data={modes}
        value={mode}
        onChange={(event) => setMode(event.currentTarget.value as typeof mode)}
      />
      {mode === 'joint' && <FieldChoice pool={pool} value={fields} change={setFields} />}
      <NumberInput
        label={t.openPool.most}
        value={most}
        onChange={setMost}
        min={1}
        max={10_000_000}
        allowDecimal={false}
      />
      <NumberInput label={t.openPool.days} value={days} onChange={setDays} min={1} max={3_650} allowDecimal={false} />
    </FormButton>
  );
}
