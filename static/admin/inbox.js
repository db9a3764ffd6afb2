// What the inbox does beyond every other page.

import './lists.js';
import './log.js';
import './composer.js';
import './typing.js';
import './seen.js';
import './deeds.js';
import './visitor.js';
import './regions.js';
import './moves.js';
