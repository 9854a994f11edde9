import { render } from 'preact';
import { App } from './app';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/overview.css';
import './styles/wall.css';
import './styles/item.css';
import './styles/add.css';
import './styles/session.css';
import './styles/queues.css';
import './styles/presets.css';
import './styles/slide.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
