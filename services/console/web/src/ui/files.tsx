// Files that a document names: fetched by the page, which shows that it is ours, and saved.
import { Button, Group } from '@mantine/core';
import { IconPaperclip } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { FileRef } from '../gen/hansa/files/v1/types_pb';
import { csrf } from '../session';
import { save } from './save';
import { Refused } from './states';

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

async function fetched(documentId: string, file: FileRef) {
  const answer = await fetch(`/documents/${documentId}/file?hash=${encodeURIComponent(base64(file.hash))}`, {
    headers: { 'hansa-csrf': csrf() },
  });
  if (!answer.ok) throw await answer.json();
  save(file.name, await answer.blob());
}

export function Files({ documentId, files }: { documentId: string; files: FileRef[] }) {
  const fetching = useMutation({ mutationFn: (file: FileRef) => fetched(documentId, file) });
  if (files.length === 0) return null;
  return (
    <>
      <Group gap="xs" mt="xs">
        {files.map((file) => (
          <Button
            key={base64(file.hash)}
            size="xs"
            variant="default"
            leftSection={<IconPaperclip size={14} aria-hidden />}
            loading={fetching.isPending && fetching.variables === file}
            onClick={() => fetching.mutate(file)}
          >
            {file.name}
          </Button>
        ))}
      </Group>
      {fetching.isError && <Refused error={fetching.error} />}
    </>
  );
}
