import { useEffect, useRef } from 'preact/hooks';
import { getReadiness, type Session } from './api';
import { AddPage } from './add/page';
import { DropAnywhere } from './add/drop';
import { BatchPage } from './batch/page';
import { BatchesPage } from './batches/page';
import { ItemPage } from './item/page';
import { usePlaces } from './lib/places';
import { usePoll } from './lib/poll';
import { pathOf, toAdd, toBatches, toPresets, toQueues, useRoute, type Route } from './lib/route';
import { healthWords, NO_SERVICE } from './lib/words';
import { PresetPage, PresetsPage } from './presets/page';
import { QueuesPage } from './queues/page';
import { ThemeButton } from './parts/theme';
import { SignIn } from './session/sign-in';
import { SignOut } from './session/sign-out';
import { useSession } from './session/use-session';

function Page({ route, session }: { route: Route; session: Session }) {
  switch (route.page) {
    case 'batches':
      return <BatchesPage query={route.query} isOperator={session.operator === true} />;
    case 'batch':
      return <BatchPage key={route.batch} id={route.batch} query={route.query} />;
    case 'item':
      return <ItemPage key={route.id} id={route.id} />;
    case 'add':
      return <AddPage />;
    case 'queues':
      return <QueuesPage />;
    case 'presets':
      return <PresetsPage />;
    case 'preset':
      return <PresetPage name={route.name} />;
  }
}

export function App() {
  const route = useRoute();
  const [session, setSession] = useSession();
  const isIn = typeof session === 'object';
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const path = pathOf(location.hash);
  usePlaces(path);
  useEffect(() => {
    // A new page has the keyboard in it; the very first one leaves the focus where the browser puts it.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={toBatches}>
          <span class="mark" aria-hidden="true" />
          Darkroom
        </a>
        {isIn && <Pages route={route} isOperator={session.operator === true} />}
        <ServiceState />
        {isIn && <SignOut session={session} />}
        <ThemeButton />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {isIn && <Page route={route} session={session} />}
        {session === 'signed-out' && <SignIn onSignedIn={setSession} />}
      </main>
      {isIn && <DropAnywhere />}
    </>
  );
}

function Pages({ route, isOperator }: { route: Route; isOperator: boolean }) {
  return (
    <nav aria-label="Pages">
      <a href={toBatches} aria-current={route.page === 'batches' ? 'page' : undefined}>
        Batches
      </a>
      <a href={toAdd} aria-current={route.page === 'add' ? 'page' : undefined}>
        Add files
      </a>
      <a href={toPresets} aria-current={route.page === 'presets' || route.page === 'preset' ? 'page' : undefined}>
        Presets
      </a>
      {isOperator && (
        <a href={toQueues} aria-current={route.page === 'queues' ? 'page' : undefined}>
          Queues
        </a>
      )}
    </nav>
  );
}

/** A few words about the service's health; the sentence is in the title. */
function ServiceState() {
  const { data, error } = usePoll('ready', getReadiness, 10_000);
  if (data === undefined && error === undefined) return <span class="service" />;
  const { short, sentence } = error === undefined && data ? healthWords(data) : NO_SERVICE;
  return (
    <span class={`service ${short === 'Ready' ? 'is-ready' : 'is-away'}`} role="status" title={sentence}>
      {short}
    </span>
  );
}
