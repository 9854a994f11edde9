import { Seats } from './seats';

test('a tenant has so many seats, all have so many, and a seat that is given back is free once', () => {
  const seats = new Seats(4, 2);
  const [first] = [seats.take('acme'), seats.take('acme')];
  expect(seats.take('acme')).toBeUndefined();
  expect(seats.take('globex')).toBeDefined();
  first!();
  first!();
  expect(seats.take('acme')).toBeDefined();
  expect(seats.take('acme')).toBeUndefined();
  expect(seats.take('globex')).toBeDefined();
  expect(seats.take('initech')).toBeUndefined();
});

test('without keys the one caller may have all of them', () => {
  const seats = new Seats(3, 1);
  for (let n = 0; n < 3; n++) expect(seats.take(undefined)).toBeDefined();
  expect(seats.take(undefined)).toBeUndefined();
});
