// A message to members that a partner has too: its owner sends it, and says how many it reached and no more.
import { NativeSelect, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { number } from '../format';
import type { Match } from '../gen/hansa/members/v1/staff_pb';
import type { Reach } from '../gen/hansa/outreach/v1/types_pb';
import { useWords } from '../i18n';
import { members, outreach } from '../rpc-people';
import { FormButton } from './act';
import { uuid7 } from './lines';

/** Members of one message. */
const CHUNK = 500;

/** All whom a match has found, as the partner knows them. */
async function namesOf({ linkId, partnerPool, purpose, pool }: Match): Promise<string[]> {
  const names: string[] = [];
  let after = 0n;
  do {
    const page = await members.listMatched({ linkId, partnerPool, purpose, pool, after });
    names.push(...page.members.map(({ pseudonym }) => pseudonym).filter(Boolean));
    after = page.nextAfter;
  } while (after > 0n);
  return names;
}

export function WriteTo({ match }: { match: Match }) {
  const { t, language } = useWords();
  const words = t.reach;
  const [subject, setSubject] = useState('');
  const [text, setText] = useState('');
  const [spoken, setSpoken] = useState(language === 'zh' ? 'zh-CN' : 'en');
  // One for each five hundred: what has been sent is not sent again when the rest is.
  const [ids, setIds] = useState<string[]>([]);
  const [told, setTold] = useState<Reach[]>([]);
  const send = async () => {
    const names = await namesOf(match);
    const whole = Math.ceil(names.length / CHUNK);
    const all = ids.length === whole ? ids : Array.from({ length: whole }, () => uuid7());
    setIds(all);
    const reached: Reach[] = [];
    for (const [place, id] of all.entries()) {
      const { reach } = await outreach.sendPartnerMessage({
        id,
        linkId: match.linkId,
        partnerPool: match.partnerPool,
        purpose: match.purpose,
        subject: subject.trim(),
        text,
        language: spoken,
        pseudonyms: names.slice(place * CHUNK, (place + 1) * CHUNK),
      });
      if (reach) reached.push(reach);
    }
    setTold(reached);
  };
  const sum = (of: (one: Reach) => bigint) =>
    number(
      told.reduce((all, one) => all + of(one), 0n),
      language,
    );
  return (
    <Stack gap="xs" align="flex-end">
      <FormButton
        label={words.writeTo}
        submit={words.send}
        wide
        ready={subject.trim() !== '' && text.trim() !== ''}
        touched={['run']}
        work={send}
        done={() => {
          setIds([]);
          setSubject('');
          setText('');
        }}
      >
        <Text size="sm">{words.writeToText}</Text>
        <TextInput
          label={words.subject}
          value={subject}
          maxLength={150}
          onChange={(event) => setSubject(event.currentTarget.value)}
        />
        <Textarea
          label={words.letter}
          value={text}
          maxLength={4_000}
          minRows={4}
          autosize
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <NativeSelect
          label={t.pools.language}
          data={['en', 'zh-CN', 'de']}
          value={spoken}
          onChange={(event) => setSpoken(event.currentTarget.value)}
        />
      </FormButton>
      {told.length > 0 && (
        <Text size="sm" role="status">
          {words.reached(
            sum((one) => one.asked),
            sum((one) => one.waiting + one.mailed),
            sum((one) => one.capped + one.notReached + one.failed),
          )}
        </Text>
      )}
    </Stack>
  );
}
