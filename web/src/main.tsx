import {render} from 'preact';
import 'uplot/dist/uPlot.min.css';
import './styles.css';
import {App} from './app';
import {apply, theme} from './theme';

apply(theme.get());
render(<App />, document.getElementById('app')!);
