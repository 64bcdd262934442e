import { swept } from './swept';

swept('direct');
