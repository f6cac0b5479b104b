import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import './base.css';
import { applyTheme } from './elements/theme.js';

applyTheme();
const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root.');
createRoot(root).render(<App />);
