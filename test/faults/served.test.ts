import { swept } from './swept';

swept('served');
