import { overlaid } from './chunks';

const groups = [
  { rungs: '360p', states: 'ddrrw' },
  { rungs: '1080p', states: 'rRw' },
];

test('of the chunks in the queue the server says which a worker has, and which were lost before', () => {
  const pending = [
    { started: true, attempt: 1 },
    { started: true, attempt: 2 },
    { started: false, attempt: 1 },
    { started: false, attempt: 1 },
  ];
  expect(overlaid({ groups, queued: [2, 3, 5, 6] }, pending)).toEqual({
    groups: [
      { rungs: '360p', states: 'ddrRw' },
      { rungs: '1080p', states: 'wRw' },
    ],
  });
});

test('answers that do not fit together leave what the workflow said', () => {
  expect(overlaid({ groups, queued: [2, 3] }, [{ started: true, attempt: 3 }])).toEqual({ groups });
  expect(overlaid({ groups }, [])).toEqual({ groups });
});
