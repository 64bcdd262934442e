import { swept } from './swept';

swept('copy');
