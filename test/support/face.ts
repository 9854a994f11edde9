import sharp from 'sharp';

const FACE = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400">
<defs><radialGradient id="s" cx="45%" cy="40%"><stop offset="0" stop-color="#f3cfb3"/><stop offset="0.7" stop-color="#d9a47f"/><stop offset="1" stop-color="#9c6b4c"/></radialGradient></defs>
<rect width="400" height="400" fill="#8fa3b5"/>
<path d="M90 400 Q200 300 310 400 Z" fill="#334"/>
<rect x="165" y="270" width="70" height="70" fill="#c08e6c"/>
<ellipse cx="200" cy="190" rx="92" ry="120" fill="#3b2618"/>
<ellipse cx="200" cy="205" rx="80" ry="105" fill="url(#s)"/>
<path d="M120 170 Q140 90 200 95 Q260 90 280 170 Q250 120 200 122 Q150 120 120 170Z" fill="#3b2618"/>
<path d="M145 172 q22 -14 44 0 M211 172 q22 -14 44 0" stroke="#3b2618" stroke-width="7" fill="none"/>
<ellipse cx="168" cy="192" rx="18" ry="10" fill="#fff"/><ellipse cx="232" cy="192" rx="18" ry="10" fill="#fff"/>
<circle cx="168" cy="192" r="9" fill="#2a1a10"/><circle cx="232" cy="192" r="9" fill="#2a1a10"/>
<path d="M200 195 L190 240 Q200 250 212 240" stroke="#9c6b4c" stroke-width="5" fill="none"/>
<path d="M168 272 Q200 262 232 272 Q200 292 168 272Z" fill="#a8443f"/>
</svg>`;

/** A drawn portrait on a plain wall of 900 x 400 px (PNG): its head has its middle near x = 750, y = 255, and is about 80 px wide. */
export async function portrait(): Promise<Buffer> {
  const drawn = await sharp(Buffer.from(FACE)).blur(1.2).resize(200).png().toBuffer();
  return sharp({ create: { width: 900, height: 400, channels: 3, background: '#8fa3b5' } })
    .composite([{ input: drawn, left: 650, top: 150 }])
    .png()
    .toBuffer();
}
