// A text as a QR code, to be shown to a camera or printed.
import { Button, Group, Stack } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { renderSVG } from 'uqr';
import { useWords } from '../i18n';
import { save } from './save';

/** Black on white whatever the page looks like: some cameras read nothing else. */
export default function Qr({ text, name, label }: { text: string; name: string; label: string }) {
  const { t } = useWords();
  const svg = renderSVG(text, { ecc: text.length > 300 ? 'L' : 'M', border: 4 });
  return (
    <Stack align="center" gap="xs">
      <img
        src={`data:image/svg+xml;utf8,${encodeURIComponent(svg)}`}
        alt={t.common.qrOf(label)}
        style={{ width: 'min(100%, 360px)', background: '#fff', borderRadius: 8 }}
      />
      <Group>
        <Button
          size="xs"
          variant="subtle"
          leftSection={<IconDownload size={14} aria-hidden />}
          onClick={() => save(`${name}.svg`, new Blob([svg], { type: 'image/svg+xml' }))}
        >
          {t.common.picture}
        </Button>
      </Group>
    </Stack>
  );
}
