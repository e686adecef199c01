// A manifest of ours: looked at line by line, and published when it holds.
import { Alert, List as Bullets, Button, FileButton, Group, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useWords } from '../i18n';
import { apps } from '../rpc-apps';
import { FormButton, useAct } from '../ui/act';
import { Refused } from '../ui/states';

export function Publish() {
  const { t } = useWords();
  const [manifest, setManifest] = useState('');
  const lint = useAct(() => apps.lintApp({ manifest }), []);
  const holds = lint.data?.findings.length === 0;
  const change = (text: string) => {
    setManifest(text);
    lint.reset();
  };
  return (
    <FormButton
      label={t.apps.publish}
      ready={holds}
      touched={['app']}
      work={() => apps.publishApp({ manifest })}
      done={() => change('')}
      wide
    >
      <Text size="sm">{t.apps.publishText}</Text>
      <Group>
        <FileButton onChange={(file) => void file?.text().then(change)} accept=".json,application/json">
          {(props) => (
            <Button {...props} variant="default" size="xs">
              {t.import.file}
            </Button>
          )}
        </FileButton>
      </Group>
      <Textarea
        label={t.apps.manifest}
        value={manifest}
        onChange={(event) => change(event.currentTarget.value)}
        autosize
        minRows={6}
        maxRows={16}
        classNames={{ input: 'code' }}
      />
      {lint.isError && <Refused error={lint.error} />}
      {holds && <Alert color="teal">{t.apps.holds}</Alert>}
      {lint.data && !holds && (
        <Alert color="red" title={t.apps.holdsNot} role="alert">
          <Bullets size="sm">
            {lint.data.findings.map((one) => (
              <Bullets.Item key={`${one.rule}/${one.line}/${one.text}`}>
                {t.apps.finding(one.line, one.rule, one.text)}
              </Bullets.Item>
            ))}
          </Bullets>
        </Alert>
      )}
      <Group>
        <Button
          variant="default"
          disabled={manifest.trim() === ''}
          loading={lint.isPending}
          onClick={() => lint.mutate(undefined)}
        >
          {t.import.look}
        </Button>
      </Group>
    </FormButton>
  );
}
