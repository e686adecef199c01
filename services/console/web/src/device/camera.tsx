// The camera, and what reads its pictures: loaded when somebody scans, and not before.
import { Alert, Button, FileButton, Group, Stack, Text } from '@mantine/core';
import { IconBulb, IconPhoto } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useWords } from '../i18n';

const FORMATS = ['EAN13', 'EAN8', 'UPCA', 'UPCE', 'QRCode', 'DataMatrix', 'Code128'] as const;
const PAUSE = 90;
/** The same code again within this time is the same look at it. */
const AGAIN = 2_500;

async function reader() {
  const [{ prepareZXingModule, readBarcodes }, { default: wasm }] = await Promise.all([
    import('zxing-wasm/reader'),
    import('zxing-wasm/reader/zxing_reader.wasm?url'),
  ]);
  // Its own default is another host.
  prepareZXingModule({
    overrides: { locateFile: (path: string, prefix: string) => (path.endsWith('.wasm') ? wasm : prefix + path) },
  });
  return (picture: ImageData | Blob) =>
    readBarcodes(picture, { formats: [...FORMATS], tryHarder: true, maxNumberOfSymbols: 4 }).then((all) =>
      all.filter((one) => one.isValid),
    );
}

interface Torch extends MediaTrackCapabilities {
  torch?: boolean;
}

export function Camera({ found }: { found: (text: string) => void }) {
  const { t } = useWords();
  const video = useRef<HTMLVideoElement>(null);
  const track = useRef<MediaStreamTrack | undefined>(undefined);
  const told = useRef(found);
  told.current = found;
  const [trouble, setTrouble] = useState<'none' | 'refused' | 'missing'>('none');
  const [torch, setTorch] = useState<boolean | undefined>(undefined);
  const [nothing, setNothing] = useState(false);

  useEffect(() => {
    let ended = false;
    let stream: MediaStream | undefined;
    const seen = new Map<string, number>();
    const run = async () => {
      const media = navigator.mediaDevices;
      if (!media) return setTrouble('missing');
      const read = reader();
      try {
        stream = await media.getUserMedia({
          video: { facingMode: 'environment', width: { ideal: 1280 } },
          audio: false,
        });
      } catch (error) {
        return setTrouble(error instanceof DOMException && error.name === 'NotAllowedError' ? 'refused' : 'missing');
      }
      const element = video.current;
      if (ended || !element) return stream.getTracks().forEach((one) => void one.stop());
      track.current = stream.getVideoTracks()[0];
      if ((track.current?.getCapabilities?.() as Torch | undefined)?.torch) setTorch(false);
      element.srcObject = stream;
      await element.play().catch(() => undefined);
      const decode = await read;
      const canvas = new OffscreenCanvas(1, 1);
      const pen = canvas.getContext('2d', { willReadFrequently: true });
      while (!ended) {
        if (element.videoWidth > 0 && pen) {
          canvas.width = element.videoWidth;
          canvas.height = element.videoHeight;
          pen.drawImage(element, 0, 0);
          for (const code of await decode(pen.getImageData(0, 0, canvas.width, canvas.height))) {
            const before = seen.get(code.text) ?? 0;
            seen.set(code.text, Date.now());
            if (Date.now() - before > AGAIN) told.current(code.text);
          }
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    };
    void run();
    return () => {
      ended = true;
      for (const one of stream?.getTracks() ?? []) one.stop();
    };
  }, []);

  const light = async () => {
    const next = !torch;
    await track.current
      ?.applyConstraints({ advanced: [{ torch: next } as MediaTrackConstraintSet] })
      .catch(() => undefined);
    setTorch(next);
  };
  const fromPhoto = async (file: File | null) => {
    if (!file) return;
    const codes = await (await reader())(file).catch(() => []);
    setNothing(codes.length === 0);
    for (const code of codes) told.current(code.text);
  };
  return (
    <Stack gap="xs">
      {trouble === 'none' ? (
        <video ref={video} className="picture" playsInline muted aria-label={t.scan.camera} />
      ) : (
        <Alert color="yellow">{trouble === 'refused' ? t.scan.cameraRefused : t.scan.noCamera}</Alert>
      )}
      <Group gap="xs">
        {torch !== undefined && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconBulb size={16} aria-hidden />}
            onClick={() => void light()}
            aria-pressed={torch}
          >
            {t.scan.torch}
          </Button>
        )}
        <FileButton onChange={(file) => void fromPhoto(file)} accept="image/*">
          {(props) => (
            <Button {...props} size="xs" variant="default" leftSection={<IconPhoto size={16} aria-hidden />}>
              {t.scan.fromPhoto}
            </Button>
          )}
        </FileButton>
      </Group>
      {nothing && (
        <Text size="sm" role="status">
          {t.scan.nothingThere}
        </Text>
      )}
    </Stack>
  );
}
