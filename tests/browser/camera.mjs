// A clip that shows an EAN-13 bar code: the camera of a headless Chromium.
import { writeFileSync } from 'node:fs';

const LEFT = ['0001101', '0011001', '0010011', '0111101', '0100011', '0110001', '0101111', '0111011', '0110111', '0001011'];
const RIGHT = LEFT.map((bits) => bits.replace(/./g, (bit) => (bit === '1' ? '0' : '1')));
const MIRRORED = RIGHT.map((bits) => [...bits].reverse().join(''));
const PARITY = ['LLLLLL', 'LLGLGG', 'LLGGLG', 'LLGGGL', 'LGLLGG', 'LGGLLG', 'LGGGLL', 'LGLGLG', 'LGLGGL', 'LGGLGL'];
const [WIDTH, HEIGHT, FRAMES, MODULE] = [640, 480, 30, 4];

function bars(code) {
  const first = PARITY[Number(code[0])];
  let bits = '101';
  for (let place = 1; place <= 6; place += 1) bits += (first[place - 1] === 'L' ? LEFT : MIRRORED)[Number(code[place])];
  bits += '01010';
  for (let place = 7; place <= 12; place += 1) bits += RIGHT[Number(code[place])];
  return `${bits}101`;
}

/** Writes the clip (Y4M). */
export function film(code, file) {
  const bits = bars(code);
  const left = (WIDTH - bits.length * MODULE) >> 1;
  const parts = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`)];
  for (let frame = 0; frame < FRAMES; frame += 1) {
    const grey = Buffer.alloc(WIDTH * HEIGHT, 200);
    // A hand is never still.
    const shift = frame % 7;
    for (let y = 140; y < 340; y += 1) {
      for (let x = left - 12 * MODULE; x < left + (bits.length + 12) * MODULE; x += 1) {
        const place = Math.floor((x - left) / MODULE);
        grey[y * WIDTH + x + shift] = bits[place] === '1' ? 25 : 235;
      }
    }
    parts.push(Buffer.from('FRAME\n'), grey, Buffer.alloc((WIDTH * HEIGHT) / 2, 128));
  }
  writeFileSync(file, Buffer.concat(parts));
}
