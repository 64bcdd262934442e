import { swept } from './swept';

swept('clone');
