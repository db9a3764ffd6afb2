// What every signed-in page does.

import './live.js';
import './keys.js';
import './times.js';
import './waiting.js';
import './switches.js';
import './copy.js';
import './leaving.js';
import './side.js';
