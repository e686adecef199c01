// What reads a code: the camera, a photo, a hand scanner, or the keyboard.
import { Button, Group, TextInput } from '@mantine/core';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useWords } from '../i18n';
import { Camera } from './camera';

export function Reader({ found }: { found: (code: string) => void }) {
  const { t } = useWords();
  const [code, setCode] = useState('');
  const typed = useRef<HTMLInputElement>(null);
  // A hand scanner is a keyboard: what it types goes into the field, wherever one is.
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      const inField =
        event.target instanceof HTMLElement && event.target.closest('input, textarea, button, a, [role=combobox]');
      if (!inField && /^[\w()\]:/.-]$/.test(event.key)) typed.current?.focus();
    };
    addEventListener('keydown', keys);
    return () => removeEventListener('keydown', keys);
  }, []);
  const type = (event: FormEvent) => {
    event.preventDefault();
    if (code.trim()) found(code.trim());
    setCode('');
  };
  return (
    <>
      <Camera found={found} />
      <form onSubmit={type}>
        <Group align="flex-end" wrap="nowrap">
          <TextInput
            ref={typed}
            style={{ flex: 1 }}
            label={t.scan.typed}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            autoCapitalize="none"
            enterKeyHint="done"
          />
          <Button type="submit" variant="default">
            {t.scan.add}
          </Button>
        </Group>
      </form>
    </>
  );
}
