// UBL papers: out of a document, and into one; looked at first, and then taken.
import { Alert, Button, FileInput, Stack, Text } from '@mantine/core';
import { IconFileCode, IconRouteSquare } from '@tabler/icons-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { ImportPaperResponse } from '../gen/hansa/documents/v1/papers_pb';
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import { useWords } from '../i18n';
import { papers } from '../rpc-trade';
import { FormButton, useAct } from './act';
import { useKinds } from './kinds';
import { PartnerChoice } from './partner';
import { save } from './save';
import { Refused } from './states';

/** Kinds that have a paper, and those whose goods are told in events. */
const withPaper = ['order', 'despatch_advice', 'invoice', 'credit_note'];
const withEvents = ['despatch_advice', 'return'];

export function Papers({ one }: { one: Document }) {
  const { t } = useWords();
  const paper = useAct(async () => {
    const { xml, fileName } = await papers.exportPaper({ documentId: one.id });
    save(fileName, new Blob([xml as Uint8Array<ArrayBuffer>], { type: 'application/xml' }));
  }, []);
  const events = useAct(async () => {
    const { json } = await papers.exportEvents({ documentIds: [one.id] });
    save(`${one.number || one.id}.jsonld`, new Blob([json], { type: 'application/ld+json' }));
  }, []);
  return (
    <>
      {withPaper.includes(one.kind) && (
        <Button
          variant="default"
          leftSection={<IconFileCode size={16} aria-hidden />}
          loading={paper.isPending}
          onClick={() => paper.mutate(undefined)}
        >
          {t.paper.ubl}
        </Button>
      )}
      {withEvents.includes(one.kind) && (
        <Button
          variant="default"
          leftSection={<IconRouteSquare size={16} aria-hidden />}
          loading={events.isPending}
          onClick={() => events.mutate(undefined)}
        >
          {t.paper.epcis}
        </Button>
      )}
      {paper.isError && <Refused error={paper.error} />}
      {events.isError && <Refused error={events.error} />}
    </>
  );
}

export function ImportPaper() {
  const { t } = useWords();
  const [, go] = useLocation();
  const [file, setFile] = useState<File | null>(null);
  const [linkId, setLinkId] = useState('');
  const read = async (dryRun: boolean) =>
    papers.importPaper({ xml: new Uint8Array((await file?.arrayBuffer()) ?? []), linkId, dryRun });
  const look = useAct(() => read(true), []);
  const choose = (next: { file?: File | null; linkId?: string }) => {
    if (next.file !== undefined) setFile(next.file);
    if (next.linkId !== undefined) setLinkId(next.linkId);
    look.reset();
  };
  return (
    <FormButton
      variant="default"
      label={t.paper.import}
      submit={t.import.take}
      wide
      ready={look.data !== undefined}
      touched={['document']}
      work={async () => {
        const { documentId } = await read(false);
        go(`/documents/${documentId}`);
      }}
    >
      <Text size="sm">{t.paper.about}</Text>
      <FileInput
        label={t.paper.file}
        placeholder={t.import.choose}
        accept=".xml,application/xml,text/xml"
        value={file}
        onChange={(chosen) => choose({ file: chosen })}
      />
      <PartnerChoice value={linkId} change={(chosen) => choose({ linkId: chosen })} />
      <Text size="xs">{t.paper.partnerRule}</Text>
      <Button variant="light" disabled={!file} loading={look.isPending} onClick={() => look.mutate(undefined)}>
        {t.import.look}
      </Button>
      {look.isError && <Refused error={look.error} />}
      {look.data && <Outcome told={look.data} />}
    </FormButton>
  );
}

function Outcome({ told }: { told: ImportPaperResponse }) {
  const { t } = useWords();
  const kinds = useKinds();
  return (
    <Alert color={told.warnings.length > 0 ? 'yellow' : 'teal'} role="status">
      <Stack gap={4}>
        <Text size="sm">
          {told.documentId
            ? t.paper.acts(kinds.title(told.kind), told.number, kinds.word(told.kind, told.act))
            : t.paper.begins(kinds.title(told.kind))}
        </Text>
        {told.warnings.map((one) => (
          <Text size="sm" key={`${one.line}/${one.rule}`}>
            {t.apps.finding(one.line, one.rule, one.text)}
          </Text>
        ))}
      </Stack>
    </Alert>
  );
}
